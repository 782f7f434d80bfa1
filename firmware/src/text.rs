//! Where a text ends in a region of flash, and its checksum.

/// The text that begins a region. It ends where flash that was never written begins (0xff, which no UTF-8 text has), at
/// a zero, or with the region. Empty: there is none.
pub fn written(region: &[u8]) -> &[u8] {
    let end = region.iter().position(|&octet| matches!(octet, 0 | 0xff));
    region.get(..end.unwrap_or(region.len())).unwrap_or_default()
}

/// The CRC-32 of Ethernet and of `crc32`: bit by bit, for a table would be larger than what it is used for.
pub fn crc32(octets: impl IntoIterator<Item = u8>) -> u32 {
    !octets.into_iter().fold(u32::MAX, |sum, octet| {
        (0..8).fold(sum ^ u32::from(octet), |sum, _| (sum >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(sum & 1)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_at_a_zero_at_erased_flash_or_with_the_region() {
        assert_eq!(written(b"abc\0def"), b"abc");
        assert_eq!(written(b"abc\xff\xff"), b"abc");
        assert_eq!(written(b"abc"), b"abc");
        assert_eq!(written(&[0xff; 8]), b"");
        assert_eq!(written(&[0; 8]), b"");
    }

    #[test]
    fn the_checksum_is_the_one_that_everybody_computes() {
        assert_eq!(crc32(*b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32([]), 0);
    }
}
