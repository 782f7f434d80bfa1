//! `check … file`: whether a file is there, or is not.

use holdover_core::engine::ProbeFailure;

use super::failure::{Failure, Outcome};

/// Looks whether anything has this path (a symbolic link counts for what it points to).
pub(super) fn probe(path: &str, absent: bool) -> Outcome {
    match (std::fs::metadata(path), absent) {
        (Ok(_), false) => Ok(()),
        (Ok(_), true) => Err(Failure::new(ProbeFailure::Present, path)),
        (Err(error), absent) => {
            let failure = Failure::of_path(path, &error);
            // Only what is certainly not there is absent.
            if absent && failure.why == ProbeFailure::Missing { Ok(()) } else { Err(failure) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Folder;
    use super::*;

    #[test]
    fn present_is_healthy_and_absent_the_reverse() {
        let folder = Folder::new("file");
        let path = folder.path("switch");
        assert_eq!(probe(&path, false).unwrap_err().why, ProbeFailure::Missing);
        probe(&path, true).unwrap();
        std::fs::write(&path, "").unwrap();
        probe(&path, false).unwrap();
        let failure = probe(&path, true).unwrap_err();
        assert_eq!(failure.to_string(), format!("it is there: {path}"));
    }
}
