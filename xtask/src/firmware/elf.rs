//! What an image takes of flash and RAM, from its file.

use std::path::Path;

use object::{Object, ObjectSection, ObjectSymbol, SectionKind};

/// The statics that are told one by one: the end of their mangled names, and what they are.
const STATICS: &[(&str, &str)] = &[
    ("9appliance6ENGINE", "engine"),
    ("9appliance6MEMORY", "socket buffers"),
    ("9appliance5SLOTS", "sockets"),
    ("9appliance6FRAMES", "frames, guard, forwarding"),
    ("9appliance4ECHO", "echo service"),
    ("4uart5TYPED", "serial lines"),
    ("4uart5SHOWN", "serial lines"),
    ("4uart6LOGGED", "serial lines"),
];

/// Octets of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Image {
    /// What lies in flash, by section.
    pub(super) flash: Vec<(String, u64)>,
    /// Statics in RAM, as the linker laid them out.
    pub(super) statics: u64,
    /// The large ones of those by name, and the rest.
    pub(super) parts: Vec<(&'static str, u64)>,
}

impl Image {
    pub(super) fn flash_octets(&self) -> u64 {
        self.flash.iter().map(|(_, octets)| octets).sum()
    }
}

/// Reads an image.
pub(super) fn read(path: &Path) -> Result<Image, String> {
    let octets = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    parse(&octets).map_err(|error| format!("{}: {error}", path.display()))
}

fn parse(octets: &[u8]) -> Result<Image, object::Error> {
    let file = object::File::parse(octets)?;
    let mut image = Image::default();
    for section in file.sections().filter(|section| section.size() > 0) {
        let name = section.name()?.to_owned();
        let loaded =
            matches!(section.kind(), SectionKind::Text | SectionKind::ReadOnlyData | SectionKind::Data);
        // What a linker script lays out has whatever kind its contents suggest: the address says where it is.
        let (in_flash, in_ram) = (section.address() < 0x2000_0000, section.address() >= 0x2000_0000);
        let allocated =
            matches!(section.flags(), object::SectionFlags::Elf { sh_flags } if sh_flags & 2 != 0);
        if !allocated {
            continue;
        }
        if in_ram {
            image.statics += section.size();
        }
        if in_flash || (loaded && section.kind() == SectionKind::Data) {
            image.flash.push((name, section.size()));
        }
    }
    for symbol in file.symbols().filter(|symbol| symbol.address() >= 0x2000_0000 && symbol.size() > 0) {
        let mangled = symbol.name()?;
        let Some((_, what)) = STATICS.iter().find(|(name, _)| mangled.contains(name)) else { continue };
        match image.parts.iter_mut().find(|(known, _)| known == what) {
            Some((_, octets)) => *octets += symbol.size(),
            None => image.parts.push((what, symbol.size())),
        }
    }
    image.parts.sort_by_key(|&(_, octets)| std::cmp::Reverse(octets));
    let told: u64 = image.parts.iter().map(|(_, octets)| octets).sum();
    image.parts.push(("other", image.statics.saturating_sub(told)));
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_image_is_an_error_that_names_the_file() {
        let file = std::env::temp_dir().join(format!("holdover-no-image-{}", std::process::id()));
        std::fs::write(&file, "nothing").unwrap();
        let message = read(&file).unwrap_err();
        std::fs::remove_file(&file).unwrap();
        assert!(message.contains("holdover-no-image"), "{message}");
    }
}
