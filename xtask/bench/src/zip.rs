//! The smallest archive that Lambda takes: one stored file.

/// A zip archive with one uncompressed file of mode 644.
pub fn stored(name: &str, content: &[u8]) -> Vec<u8> {
    let crc = crc32(content);
    let size = content.len() as u32;
    let mut shared = Vec::new();
    // Version 2.0, no flags, method 0, 1980-01-01 00:00.
    for field in [20u16, 0, 0, 0, 0x21] {
        shared.extend(field.to_le_bytes());
    }
    for field in [crc, size, size] {
        shared.extend(field.to_le_bytes());
    }
    shared.extend((name.len() as u16).to_le_bytes());
    shared.extend(0u16.to_le_bytes());

    let mut zip = b"PK\x03\x04".to_vec();
    zip.extend(&shared);
    zip.extend(name.as_bytes());
    zip.extend(content);

    let directory = zip.len() as u32;
    zip.extend(b"PK\x01\x02");
    // Made by version 2.0 on Unix; then no comment, disk 0, no internal attributes, mode 0100644, offset 0.
    zip.extend([20, 3]);
    zip.extend(&shared);
    zip.extend([0; 6]);
    zip.extend((0o100_644u32 << 16).to_le_bytes());
    zip.extend(0u32.to_le_bytes());
    zip.extend(name.as_bytes());

    let length = zip.len() as u32 - directory;
    zip.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    zip.extend(length.to_le_bytes());
    zip.extend(directory.to_le_bytes());
    zip.extend([0, 0]);
    zip
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_published_check_value() {
        // "check" of CRC-32/ISO-HDLC in the catalogue of parametrised CRC algorithms.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn python_opens_the_archive() {
        let path = std::env::temp_dir().join(format!("bench-zip-{}.zip", std::process::id()));
        std::fs::write(&path, stored("app.py", b"x = 1\n")).unwrap();
        let probe =
            "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); print(z.testzip(), z.read('app.py'))";
        let output = std::process::Command::new("python3").args(["-c", probe]).arg(&path).output().unwrap();
        std::fs::remove_file(path).unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), r"None b'x = 1\n'");
    }
}
