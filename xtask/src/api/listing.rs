//! The public items of a crate, from rustdoc's JSON: found along what is public, each listed once, sorted.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::signature::{Names, Text, field, given, id, is, list, text, variant};

/// An item by one of its public paths.
struct Found {
    /// The module it is found in; empty: the crate.
    module: String,
    name: String,
    id: String,
}

impl Found {
    fn path(&self) -> String {
        within(&self.module, &self.name)
    }
}

fn within(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}

/// The listing of a crate.
pub(super) fn of(json: &Value) -> Text {
    let mut walk = Walk { index: field(json, "index")?, found: Vec::new(), inside: Vec::new() };
    walk.module(&id(field(json, "root")?)?, "")?;
    let mut names = Names { own: own(json)?, ..Names::default() };
    for found in &walk.found {
        let path = found.path();
        let longer =
            |known: &String| (known.matches("::").count(), known) > (path.matches("::").count(), &path);
        if names.public.get(&found.id).is_none_or(longer) {
            names.public.insert(found.id.clone(), path);
        }
    }
    let writer = Writer { index: walk.index, names };
    let mut modules = BTreeMap::<&str, BTreeSet<Entry>>::new();
    for found in &walk.found {
        modules.entry(&found.module).or_default().insert(writer.entry(found)?);
    }
    let mut text = String::new();
    for (module, entries) in modules {
        text.extend(["## ", if module.is_empty() { "the crate" } else { module }, "\n\n"]);
        for line in entries.iter().flat_map(|entry| &entry.lines) {
            text.extend([line.as_str(), "\n"]);
        }
        text.push('\n');
    }
    for line in writer.foreign()? {
        text.extend([line.as_str(), "\n"]);
    }
    Ok(text.trim_end().to_owned() + "\n")
}

/// The items of this crate, public or not.
fn own(json: &Value) -> Result<BTreeSet<String>, String> {
    let paths = field(json, "paths")?.as_object().ok_or("`paths` is no table")?;
    let own = paths.iter().filter(|(_, item)| item.get("crate_id").and_then(Value::as_u64) == Some(0));
    Ok(own.map(|(id, _)| id.clone()).collect())
}

/// What an item is, of those that are listed: `kind` and what belongs to it.
fn inner(item: &Value) -> Result<(&str, &Value), String> {
    variant(field(item, "inner")?)
}

/// Goes through the modules.
struct Walk<'v> {
    index: &'v Value,
    found: Vec<Found>,
    /// The modules that are being gone through: one that contains itself by way of a `use` is gone through once.
    inside: Vec<String>,
}

impl Walk<'_> {
    fn module(&mut self, module: &str, path: &str) -> Result<(), String> {
        if self.inside.iter().any(|outer| outer == module) {
            return Ok(());
        }
        self.inside.push(module.to_owned());
        let index = self.index;
        let (_, content) = inner(field(index, module)?)?;
        for child in list(content, "items")? {
            self.child(&id(child)?, path)?;
        }
        self.inside.pop();
        Ok(())
    }

    fn child(&mut self, child: &str, path: &str) -> Result<(), String> {
        let index = self.index;
        // What is private is not in the table.
        let Some(item) = given(index, child) else { return Ok(()) };
        if item.get("visibility").and_then(Value::as_str) != Some("public") {
            return Ok(());
        }
        match inner(item)? {
            ("use", content) => self.reexport(content, path),
            _ => self.item(child, text(item, "name")?, path),
        }
    }

    fn item(&mut self, item: &str, name: &str, path: &str) -> Result<(), String> {
        let Some(value) = given(self.index, item) else { return Ok(()) };
        match inner(value)? {
            ("module", _) => self.module(item, &within(path, name)),
            ("use", content) => self.reexport(content, path),
            _ => {
                let (module, name) = (path.to_owned(), name.to_owned());
                self.found.push(Found { module, name, id: item.to_owned() });
                Ok(())
            }
        }
    }

    fn reexport(&mut self, content: &Value, path: &str) -> Result<(), String> {
        // Of another crate when it has no item here.
        let Some(target) = given(content, "id").map(id).transpose()? else { return Ok(()) };
        if is(content, "is_glob") {
            return self.module(&target, path);
        }
        self.item(&target, text(content, "name")?, path)
    }
}

/// An item as it is listed, and where: types, then constants, functions and the rest.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    rank: u8,
    name: String,
    lines: Vec<String>,
}

struct Writer<'v> {
    index: &'v Value,
    names: Names,
}

impl Writer<'_> {
    fn entry(&self, found: &Found) -> Result<Entry, String> {
        let (name, shortest) = (found.name.clone(), &self.names.public[&found.id]);
        if *shortest != found.path() {
            return Ok(Entry { rank: 9, lines: vec![format!("use {shortest}")], name });
        }
        let item = field(self.index, &found.id)?;
        let (kind, content) = inner(item)?;
        let (rank, lines) = match kind {
            "struct" => (0, self.structure(item, &name, content)?),
            "enum" => (0, self.enumeration(item, &name, content)?),
            "trait" => (0, self.contract(&name, content)?),
            "type_alias" => {
                let params = self.names.params(list(field(content, "generics")?, "params")?)?;
                let ty = self.names.ty(field(content, "type")?)?;
                (0, vec![format!("type {name}{params} = {ty}")])
            }
            "constant" | "static" => {
                let word = if kind == "static" { "static" } else { "const" };
                (1, vec![format!("{word} {name}: {}", self.names.ty(field(content, "type")?)?)])
            }
            "function" => (2, vec![self.names.function(&name, content)?]),
            "macro" => (3, vec![format!("macro {name}!")]),
            other => return Err(format!("an unknown kind of item: {other} {name}")),
        };
        Ok(Entry { rank, name, lines })
    }

    /// `struct Name<T>(u8)`, or its fields a line each; then what it can do.
    fn structure(&self, item: &Value, name: &str, content: &Value) -> Result<Vec<String>, String> {
        let mut head = self.head("struct", item, name, content)?;
        let mut lines = Vec::new();
        match variant(field(content, "kind")?)? {
            ("unit", _) => {}
            ("tuple", fields) => head += &self.tuple(fields)?,
            ("plain", fields) => {
                lines = self.fields(fields)?.iter().map(|line| format!("    {line}")).collect();
            }
            (other, _) => return Err(format!("an unknown kind of struct: {other}")),
        }
        lines.insert(0, head);
        lines.extend(self.abilities(content)?);
        Ok(lines)
    }

    fn enumeration(&self, item: &Value, name: &str, content: &Value) -> Result<Vec<String>, String> {
        let mut lines = vec![self.head("enum", item, name, content)?];
        for variant in list(content, "variants")? {
            lines.push(format!("    {}", self.variant(field(self.index, &id(variant)?)?)?));
        }
        lines.extend(self.abilities(content)?);
        Ok(lines)
    }

    fn variant(&self, item: &Value) -> Text {
        let name = text(item, "name")?;
        let (_, content) = inner(item)?;
        let fields = match variant(field(content, "kind")?)? {
            ("plain", _) => String::new(),
            ("tuple", fields) => self.tuple(fields)?,
            ("struct", fields) => format!(" {{ {} }}", self.fields(fields)?.join(", ")),
            (other, _) => return Err(format!("an unknown kind of variant: {other}")),
        };
        let number = match given(content, "discriminant") {
            Some(number) => format!(" = {}", text(number, "value")?),
            None => String::new(),
        };
        Ok(format!("{name}{fields}{number}"))
    }

    fn contract(&self, name: &str, content: &Value) -> Result<Vec<String>, String> {
        let generics = field(content, "generics")?;
        let params = self.names.params(list(generics, "params")?)?;
        let bounds = self.names.bounds(list(content, "bounds")?)?;
        let bounds = if bounds.is_empty() { bounds } else { format!(": {bounds}") };
        let mut lines = vec![format!("trait {name}{params}{bounds}{}", self.names.conditions(generics)?)];
        for member in list(content, "items")? {
            let item = field(self.index, &id(member)?)?;
            lines.push(format!("    {}", self.member(item)?));
        }
        Ok(lines)
    }

    /// `#[non_exhaustive] enum Name<T> where …`.
    fn head(&self, word: &str, item: &Value, name: &str, content: &Value) -> Text {
        let open = list(item, "attrs")?.iter().any(|attr| attr.as_str() == Some("non_exhaustive"));
        let attr = if open { "#[non_exhaustive] " } else { "" };
        let generics = field(content, "generics")?;
        let params = self.names.params(list(generics, "params")?)?;
        Ok(format!("{attr}{word} {name}{params}{}", self.names.conditions(generics)?))
    }

    /// `(A, _)`: `_` is private.
    fn tuple(&self, fields: &Value) -> Text {
        let fields = fields.as_array().into_iter().flatten().map(|one| {
            if one.is_null() {
                return Ok("_".to_owned());
            }
            let item = field(self.index, &id(one)?)?;
            self.names.ty(inner(item)?.1)
        });
        Ok(format!("({})", fields.collect::<Result<Vec<_>, _>>()?.join(", ")))
    }

    /// `name: T` of each; `..`: there are private ones.
    fn fields(&self, content: &Value) -> Result<Vec<String>, String> {
        let mut lines = Vec::new();
        for one in list(content, "fields")? {
            let item = field(self.index, &id(one)?)?;
            lines.push(format!("{}: {}", text(item, "name")?, self.names.ty(inner(item)?.1)?));
        }
        if is(content, "has_stripped_fields") {
            lines.push("..".to_owned());
        }
        Ok(lines)
    }

    /// A function or constant of a type, or of a trait.
    fn member(&self, item: &Value) -> Text {
        let name = text(item, "name")?;
        match inner(item)? {
            ("function", content) => self.names.function(name, content),
            ("assoc_const", content) => {
                Ok(format!("const {name}: {}", self.names.ty(field(content, "type")?)?))
            }
            ("assoc_type", content) => {
                let bounds = self.names.bounds(list(content, "bounds")?)?;
                Ok(if bounds.is_empty() { format!("type {name}") } else { format!("type {name}: {bounds}") })
            }
            (other, _) => Err(format!("an unknown kind of member: {other} {name}")),
        }
    }

    /// The members of a type's own, a line each, and the traits that it implements in one line.
    fn abilities(&self, content: &Value) -> Result<Vec<String>, String> {
        let (mut members, mut traits) = (BTreeSet::new(), BTreeSet::new());
        for one in list(content, "impls")? {
            let (_, block) = inner(field(self.index, &id(one)?)?)?;
            if let Some(implemented) = given(block, "trait") {
                traits.extend(self.implemented(block, implemented)?);
                continue;
            }
            for member in list(block, "items")? {
                // What is private is not in the table.
                let Some(item) = given(self.index, &id(member)?) else { continue };
                members.insert(format!("    {}", self.member(item)?));
            }
        }
        let mut lines: Vec<String> = members.into_iter().collect();
        if !traits.is_empty() {
            lines.push(format!("    impl {}", traits.into_iter().collect::<Vec<_>>().join(", ")));
        }
        Ok(lines)
    }

    /// A trait as it is implemented, with its types: `Iterator<Item = T>`. None for what everything has by itself.
    fn implemented(&self, block: &Value, implemented: &Value) -> Result<Option<String>, String> {
        let name = self.names.path(implemented)?;
        if is(block, "is_synthetic") {
            // Send and its like are worth a word only where they are missing.
            let missing = is(block, "is_negative") && matches!(name.as_str(), "Send" | "Sync");
            return Ok(missing.then(|| format!("!{name}")));
        }
        if given(block, "blanket_impl").is_some() || name == "StructuralPartialEq" {
            return Ok(None);
        }
        let mut types = Vec::new();
        for member in list(block, "items")? {
            let Some(item) = given(self.index, &id(member)?) else { continue };
            if let ("assoc_type", content) = inner(item)?
                && let Some(ty) = given(content, "type")
            {
                types.push(format!("{} = {}", text(item, "name")?, self.names.ty(ty)?));
            }
        }
        Ok(Some(match (types.is_empty(), name.strip_suffix('>')) {
            (true, _) => name,
            (false, Some(open)) => format!("{open}, {}>", types.join(", ")),
            (false, None) => format!("{name}<{}>", types.join(", ")),
        }))
    }

    /// Traits that this crate implements for types of others.
    fn foreign(&self) -> Result<BTreeSet<String>, String> {
        let mut lines = BTreeSet::new();
        for item in self.index.as_object().into_iter().flat_map(|items| items.values()) {
            let ("impl", block) = inner(item)? else { continue };
            let (Some(implemented), target) = (given(block, "trait"), field(block, "for")?) else { continue };
            let ours = match variant(target)? {
                ("resolved_path", path) => self.names.own.contains(&id(field(path, "id")?)?),
                _ => false,
            };
            if ours || item.get("crate_id").and_then(Value::as_u64) != Some(0) {
                continue;
            }
            if let Some(name) = self.implemented(block, implemented)? {
                lines.insert(format!("impl {name} for {}", self.names.ty(target)?));
            }
        }
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn item(name: &str, visibility: &str, inner: &Value) -> Value {
        let name = if name.is_empty() { Value::Null } else { json!(name) };
        json!({ "crate_id": 0, "name": name, "visibility": visibility, "attrs": [], "inner": inner })
    }

    fn module(items: &[u64]) -> Value {
        json!({ "module": { "is_crate": false, "items": items, "is_stripped": false } })
    }

    fn nothing() -> Value {
        json!({ "params": [], "where_predicates": [] })
    }

    /// A crate with `pub mod a { pub struct S { pub x: u8, .. }  pub enum E { V(a::S), W } }`, a private module that holds
    /// `pub fn f`, and `pub use a::S; pub use hidden::*;`.
    fn sample() -> Value {
        let path = json!({ "resolved_path": { "id": 2, "path": "S", "args": null } });
        let fields = json!({ "fields": [3], "has_stripped_fields": true });
        let structure =
            json!({ "struct": { "kind": { "plain": fields }, "generics": nothing(), "impls": [9] } });
        let derived = json!({ "impl": {
            "trait": { "id": 50, "path": "Clone", "args": null }, "for": path, "items": [], "generics": nothing(),
            "is_negative": false, "is_synthetic": false, "blanket_impl": null } });
        let mut enumeration = item(
            "E",
            "public",
            &json!({ "enum": { "generics": nothing(), "variants": [5, 6], "impls": [], "has_stripped_variants": false } }),
        );
        enumeration["attrs"] = json!(["non_exhaustive"]);
        let function = json!({ "function": {
            "sig": { "inputs": [["x", path]], "output": null, "is_c_variadic": false }, "generics": nothing(),
            "header": { "is_const": false, "is_unsafe": false, "is_async": false } } });
        let uses = |id: u64, name: &str, glob: bool| json!({ "use": { "source": name, "name": name, "id": id, "is_glob": glob } });
        json!({
            "root": 0,
            "index": {
                "0": item("sample", "public", &module(&[1, 7, 8, 11])),
                "1": item("a", "public", &module(&[2, 4])),
                "2": item("S", "public", &structure),
                "3": item("x", "public", &json!({ "struct_field": { "primitive": "u8" } })),
                "4": enumeration,
                "5": item("V", "default", &json!({ "variant": { "kind": { "tuple": [10] }, "discriminant": null } })),
                "6": item("W", "default", &json!({ "variant": { "kind": "plain", "discriminant": null } })),
                "7": item("", "public", &uses(2, "S", false)),
                "8": item("", "public", &uses(12, "hidden", true)),
                "9": item("", "default", &derived),
                "10": item("0", "default", &json!({ "struct_field": path })),
                "11": item("private", "crate", &json!({ "constant": { "type": { "primitive": "u8" } } })),
                "12": item("hidden", "crate", &module(&[13])),
                "13": item("f", "public", &function),
            },
            "paths": { "2": { "crate_id": 0 }, "4": { "crate_id": 0 }, "50": { "crate_id": 1 } }
        })
    }

    #[test]
    fn each_item_stands_once_at_its_shortest_path_and_what_is_private_nowhere() {
        let expected = "\
## the crate

struct S
    x: u8
    ..
    impl Clone
fn f(x: S)

## a

#[non_exhaustive] enum E
    V(S)
    W
use S
";
        assert_eq!(of(&sample()).unwrap(), expected);
    }

    #[test]
    fn what_is_not_as_expected_is_an_error() {
        let mut json = sample();
        json["index"]["2"]["inner"] = json!({ "union": {} });
        assert!(of(&json).unwrap_err().contains("an unknown kind of item: union S"));
        assert!(of(&json!({})).unwrap_err().contains("there is no `index`"));
    }
}
