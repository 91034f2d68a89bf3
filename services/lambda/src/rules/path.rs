//! Paths in archives: taken apart, and refused where they would leave the folder that is unpacked into.

/// The parts of a path, of which none is empty, `.` or `..`; `None` where it leads out of its folder.
pub fn parts(path: &str) -> Option<Vec<String>> {
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    let stays = |part: &str| (part != ".." && !part.contains('\0')).then(|| part.to_owned());
    parts.map(stays).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stay_within() {
        let joined = |path: &str| parts(path).map(|parts| parts.join("|"));
        assert_eq!(joined("a/b.py").as_deref(), Some("a|b.py"));
        assert_eq!(joined("./a//./b/").as_deref(), Some("a|b"));
        assert_eq!(joined("./").as_deref(), Some(""));
        assert_eq!(joined("...").as_deref(), Some("..."));
        for out in ["..", "a/../b", "a/..", "a\0b"] {
            assert_eq!(joined(out), None, "{out:?}");
        }
    }
}
