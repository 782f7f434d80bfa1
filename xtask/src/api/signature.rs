//! Types, generics and functions of rustdoc's JSON, written as Rust writes them.

use std::collections::BTreeMap;

use serde_json::Value;

/// A piece of Rust, or what in the JSON is not as expected.
pub(super) type Text = Result<String, String>;

/// The value of a field.
pub(super) fn field<'v>(value: &'v Value, name: &str) -> Result<&'v Value, String> {
    value.get(name).ok_or_else(|| format!("there is no `{name}` in {}", start(value)))
}

/// The items of a field that is a list.
pub(super) fn list<'v>(value: &'v Value, name: &str) -> Result<&'v [Value], String> {
    let items = field(value, name)?.as_array();
    items.map(Vec::as_slice).ok_or_else(|| format!("`{name}` is no list in {}", start(value)))
}

/// The text of a field.
pub(super) fn text<'v>(value: &'v Value, name: &str) -> Result<&'v str, String> {
    string(field(value, name)?)
}

/// Whether a field is `true`.
pub(super) fn is(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or(false)
}

/// What stands in a field, unless that is `null`.
pub(super) fn given<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.get(name).filter(|value| !value.is_null())
}

/// A variant of an enum: its name, and what it holds (`null` for nothing).
pub(super) fn variant(value: &Value) -> Result<(&str, &Value), String> {
    if let Some(name) = value.as_str() {
        return Ok((name, &Value::Null));
    }
    let mut fields = value.as_object().into_iter().flatten();
    match (fields.next(), fields.next()) {
        (Some((name, inner)), None) => Ok((name, inner)),
        _ => Err(format!("no variant: {}", start(value))),
    }
}

fn string(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("no text: {}", start(value)))
}

/// The beginning of a value, for an error.
fn start(value: &Value) -> String {
    value.to_string().chars().take(120).collect()
}

/// An item's number, as it names the item in the tables.
pub(super) fn id(value: &Value) -> Result<String, String> {
    value.as_u64().map(|id| id.to_string()).ok_or_else(|| format!("no id: {}", start(value)))
}

/// Writes lists of things with something between them.
fn join(items: impl Iterator<Item = Text>, between: &str) -> Text {
    Ok(items.collect::<Result<Vec<_>, _>>()?.join(between))
}

/// How items of this crate are called: by their shortest public path.
#[derive(Default)]
pub(super) struct Names {
    /// The public path of an item, without the crate.
    pub(super) public: BTreeMap<String, String>,
    /// Items of this crate.
    pub(super) own: std::collections::BTreeSet<String>,
}

impl Names {
    /// A type.
    // table: one form for each kind of type
    pub(super) fn ty(&self, value: &Value) -> Text {
        let (kind, inner) = variant(value)?;
        Ok(match kind {
            "resolved_path" => self.path(inner)?,
            "generic" => string(inner)?.to_owned(),
            "primitive" => match string(inner)? {
                "never" => "!".to_owned(),
                name => name.to_owned(),
            },
            "tuple" => match inner.as_array().map(Vec::as_slice).unwrap_or_default() {
                [one] => format!("({},)", self.ty(one)?),
                all => format!("({})", join(all.iter().map(|one| self.ty(one)), ", ")?),
            },
            "slice" => format!("[{}]", self.ty(inner)?),
            "array" => format!("[{}; {}]", self.ty(field(inner, "type")?)?, text(inner, "len")?),
            "impl_trait" => {
                let bounds = inner.as_array().map(Vec::as_slice).unwrap_or_default();
                format!("impl {}", self.bounds(bounds)?)
            }
            "dyn_trait" => {
                let traits = list(inner, "traits")?.iter().map(|one| self.poly(one));
                let lifetime = given(inner, "lifetime").map(|one| Ok(string(one)?.to_owned()));
                format!("dyn {}", join(traits.chain(lifetime), " + ")?)
            }
            "infer" => "_".to_owned(),
            "borrowed_ref" => self.reference(inner)?,
            "raw_pointer" => {
                let kind = if is(inner, "is_mutable") { "mut" } else { "const" };
                format!("*{kind} {}", self.ty(field(inner, "type")?)?)
            }
            "qualified_path" => {
                let owner = self.ty(field(inner, "self_type")?)?;
                format!("{owner}::{}{}", text(inner, "name")?, self.arguments(inner)?)
            }
            "function_pointer" => {
                let header = modifiers(field(inner, "header")?);
                let params = self.higher(inner)?;
                format!("{params}{header}fn{}", self.call(field(inner, "sig")?)?)
            }
            other => return Err(format!("an unknown kind of type: {other}")),
        })
    }

    fn reference(&self, value: &Value) -> Text {
        let lifetime = match given(value, "lifetime") {
            Some(lifetime) => format!("{} ", string(lifetime)?),
            None => String::new(),
        };
        let mutable = if is(value, "is_mutable") { "mut " } else { "" };
        let inner = self.ty(field(value, "type")?)?;
        let inner = if inner.contains(" + ") { format!("({inner})") } else { inner };
        Ok(format!("&{lifetime}{mutable}{inner}"))
    }

    /// A path with its arguments. One of another crate is called by its last word.
    pub(super) fn path(&self, value: &Value) -> Text {
        let id = id(field(value, "id")?)?;
        let written = text(value, "path")?;
        let last = written.rsplit("::").next().unwrap_or(written);
        let name = match self.public.get(&id) {
            Some(path) => path.clone(),
            None if self.own.contains(&id) => format!("private::{last}"),
            None => last.to_owned(),
        };
        Ok(name + &self.arguments(value)?)
    }

    /// The arguments of a path: `<'_, T, 4>`, or `(A) -> B`; nothing where there are none.
    fn arguments(&self, value: &Value) -> Text {
        let Some(arguments) = given(value, "args") else { return Ok(String::new()) };
        let (kind, inner) = variant(arguments)?;
        if kind == "parenthesized" {
            let inputs = join(list(inner, "inputs")?.iter().map(|one| self.ty(one)), ", ")?;
            return Ok(format!("({inputs}){}", self.output(inner)?));
        }
        if kind != "angle_bracketed" {
            return Err(format!("an unknown kind of arguments: {kind}"));
        }
        let plain = list(inner, "args")?.iter().map(|one| self.argument(one));
        let named = list(inner, "constraints")?.iter().map(|one| self.constraint(one));
        let all = join(plain.chain(named), ", ")?;
        Ok(if all.is_empty() { all } else { format!("<{all}>") })
    }

    fn argument(&self, value: &Value) -> Text {
        let (kind, inner) = variant(value)?;
        match kind {
            "lifetime" => Ok(string(inner)?.to_owned()),
            "type" => self.ty(inner),
            "const" => Ok(text(inner, "expr")?.to_owned()),
            "infer" => Ok("_".to_owned()),
            other => Err(format!("an unknown kind of argument: {other}")),
        }
    }

    /// `Item = T`, or `Item: Bound`.
    fn constraint(&self, value: &Value) -> Text {
        let name = text(value, "name")?;
        let (kind, inner) = variant(field(value, "binding")?)?;
        match kind {
            "equality" => Ok(format!("{name} = {}", self.term(inner)?)),
            "constraint" => {
                let bounds = inner.as_array().map(Vec::as_slice).unwrap_or_default();
                Ok(format!("{name}: {}", self.bounds(bounds)?))
            }
            other => Err(format!("an unknown kind of binding: {other}")),
        }
    }

    fn term(&self, value: &Value) -> Text {
        match variant(value)? {
            ("type", inner) => self.ty(inner),
            ("constant", inner) => Ok(text(inner, "expr")?.to_owned()),
            (other, _) => Err(format!("an unknown kind of term: {other}")),
        }
    }

    /// `A + B + 'a`.
    pub(super) fn bounds(&self, bounds: &[Value]) -> Text {
        join(
            bounds.iter().map(|bound| match variant(bound)? {
                ("trait_bound", inner) => {
                    let sign = match text(inner, "modifier")? {
                        "none" => "",
                        "maybe" => "?",
                        other => return Err(format!("an unknown modifier of a bound: {other}")),
                    };
                    Ok(format!("{sign}{}", self.poly(inner)?))
                }
                ("outlives", lifetime) => Ok(string(lifetime)?.to_owned()),
                ("use", captured) => captures(captured),
                (other, _) => Err(format!("an unknown kind of bound: {other}")),
            }),
            " + ",
        )
    }

    /// A trait, with the lifetimes that it is for.
    fn poly(&self, value: &Value) -> Text {
        Ok(self.higher(value)? + &self.path(field(value, "trait")?)?)
    }

    /// `for<'a> `.
    fn higher(&self, value: &Value) -> Text {
        let params = self.params(list(value, "generic_params")?)?;
        Ok(if params.is_empty() { params } else { format!("for{params} ") })
    }

    /// `<'a, T: Bound, const N: usize = 4>`; nothing where there are none. What `impl Trait` stands for is told there.
    pub(super) fn params(&self, params: &[Value]) -> Text {
        let mut all = Vec::new();
        for param in params {
            let name = text(param, "name")?;
            let (kind, inner) = variant(field(param, "kind")?)?;
            all.push(match kind {
                "lifetime" => {
                    let outlives = list(inner, "outlives")?.iter().map(|one| Ok(string(one)?.to_owned()));
                    let outlives = join(outlives, " + ")?;
                    if outlives.is_empty() { name.to_owned() } else { format!("{name}: {outlives}") }
                }
                "type" if is(inner, "is_synthetic") => continue,
                "type" => {
                    let bounds = self.bounds(list(inner, "bounds")?)?;
                    let bounds = if bounds.is_empty() { bounds } else { format!(": {bounds}") };
                    let default = match given(inner, "default") {
                        Some(default) => format!(" = {}", self.ty(default)?),
                        None => String::new(),
                    };
                    format!("{name}{bounds}{default}")
                }
                "const" => {
                    let default = match given(inner, "default") {
                        Some(default) => format!(" = {}", string(default)?),
                        None => String::new(),
                    };
                    format!("const {name}: {}{default}", self.ty(field(inner, "type")?)?)
                }
                other => return Err(format!("an unknown kind of parameter: {other}")),
            });
        }
        Ok(if all.is_empty() { String::new() } else { format!("<{}>", all.join(", ")) })
    }

    /// ` where T: A, 'a: 'b`; nothing where nothing is asked.
    pub(super) fn conditions(&self, generics: &Value) -> Text {
        let all = join(
            list(generics, "where_predicates")?.iter().map(|predicate| match variant(predicate)? {
                ("bound_predicate", inner) => {
                    let bounds = self.bounds(list(inner, "bounds")?)?;
                    Ok(format!("{}{}: {bounds}", self.higher(inner)?, self.ty(field(inner, "type")?)?))
                }
                ("lifetime_predicate", inner) => {
                    let outlives = list(inner, "outlives")?.iter().map(|one| Ok(string(one)?.to_owned()));
                    Ok(format!("{}: {}", text(inner, "lifetime")?, join(outlives, " + ")?))
                }
                ("eq_predicate", inner) => {
                    let (left, right) = (field(inner, "lhs")?, field(inner, "rhs")?);
                    Ok(format!("{} = {}", self.ty(left)?, self.term(right)?))
                }
                (other, _) => Err(format!("an unknown kind of condition: {other}")),
            }),
            ", ",
        )?;
        Ok(if all.is_empty() { all } else { format!(" where {all}") })
    }

    /// A function, from its modifiers to its conditions.
    pub(super) fn function(&self, name: &str, value: &Value) -> Text {
        let generics = field(value, "generics")?;
        let header = modifiers(field(value, "header")?);
        let params = self.params(list(generics, "params")?)?;
        let call = self.call(field(value, "sig")?)?;
        Ok(format!("{header}fn {name}{params}{call}{}", self.conditions(generics)?))
    }

    /// `(name: T) -> U`.
    fn call(&self, signature: &Value) -> Text {
        let inputs = list(signature, "inputs")?.iter().map(|input| {
            let (Some(name), Some(ty)) = (input.get(0), input.get(1)) else {
                return Err(format!("no parameter: {}", start(input)));
            };
            let (name, ty) = (string(name)?, self.ty(ty)?);
            Ok(match (name, ty.as_str()) {
                ("self", "Self") => "self".to_owned(),
                ("self", ty) => match ty.strip_suffix("Self") {
                    Some(reference) if reference.starts_with('&') => format!("{reference}self"),
                    _ => format!("self: {ty}"),
                },
                ("" | "_", ty) => ty.to_owned(),
                (name, ty) => format!("{name}: {ty}"),
            })
        });
        Ok(format!("({}){}", join(inputs, ", ")?, self.output(signature)?))
    }

    fn output(&self, value: &Value) -> Text {
        given(value, "output").map_or(Ok(String::new()), |output| Ok(format!(" -> {}", self.ty(output)?)))
    }
}

/// `const `, `async `, `unsafe `.
fn modifiers(header: &Value) -> String {
    let all = [("is_const", "const "), ("is_async", "async "), ("is_unsafe", "unsafe ")];
    all.iter().filter(|(name, _)| is(header, name)).map(|(_, word)| *word).collect()
}

/// `use<'a, T>`.
fn captures(value: &Value) -> Text {
    let all = value.as_array().into_iter().flatten().map(|one| {
        let (_, name) = variant(one)?;
        Ok(string(name)?.to_owned())
    });
    Ok(format!("use<{}>", join(all, ", ")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names() -> Names {
        let public = BTreeMap::from([("7".to_owned(), "base::Prefix".to_owned())]);
        Names { public, own: ["7".to_owned(), "8".to_owned()].into() }
    }

    fn path(id: u64, path: &str, args: &Value) -> Value {
        json!({ "resolved_path": { "id": id, "path": path, "args": args } })
    }

    fn angle(args: &Value) -> Value {
        json!({ "angle_bracketed": { "args": args, "constraints": [] } })
    }

    #[test]
    fn an_item_of_this_crate_is_called_by_its_public_path_and_another_by_its_last_word() {
        let ours = path(7, "super::Prefix", &Value::Null);
        assert_eq!(names().ty(&ours).unwrap(), "base::Prefix");
        assert_eq!(names().ty(&path(9, "core::net::IpAddr", &Value::Null)).unwrap(), "IpAddr");
        // One that nobody outside can name is shown as such: it should not be in a public signature.
        assert_eq!(names().ty(&path(8, "Hidden", &Value::Null)).unwrap(), "private::Hidden");
    }

    #[test]
    fn arguments_references_arrays_and_tuples_are_written_as_rust_does() {
        let octets = json!({ "array": { "type": { "primitive": "u8" }, "len": "16" } });
        let option = path(9, "Option", &angle(&json!([{ "type": octets }])));
        let lent = json!({ "borrowed_ref": { "lifetime": "'a", "is_mutable": true, "type": option } });
        let pair = json!({ "tuple": [lent, { "generic": "T" }] });
        assert_eq!(names().ty(&pair).unwrap(), "(&'a mut Option<[u8; 16]>, T)");
    }

    #[test]
    fn a_function_is_written_with_its_receiver_its_bounds_and_what_it_gives() {
        let bound = json!([{ "trait_bound": {
            "trait": { "id": 9, "path": "io::Write", "args": null }, "generic_params": [], "modifier": "none" } }]);
        let function = json!({
            "sig": {
                "inputs": [
                    ["self", { "borrowed_ref": { "lifetime": null, "is_mutable": false, "type": { "generic": "Self" } } }],
                    ["out", { "generic": "W" }]
                ],
                "output": { "primitive": "usize" }, "is_c_variadic": false
            },
            "generics": {
                "params": [{ "name": "W", "kind": { "type": { "bounds": bound, "default": null, "is_synthetic": false } } }],
                "where_predicates": []
            },
            "header": { "is_const": true, "is_unsafe": false, "is_async": false, "abi": "Rust" }
        });
        let written = names().function("write", &function).unwrap();
        assert_eq!(written, "const fn write<W: Write>(&self, out: W) -> usize");
    }

    #[test]
    fn what_is_unknown_is_an_error_and_no_guess() {
        assert!(
            names().ty(&json!({ "pattern": {} })).unwrap_err().contains("an unknown kind of type: pattern")
        );
        assert!(names().ty(&json!({ "borrowed_ref": {} })).unwrap_err().contains("there is no `type`"));
    }
}
