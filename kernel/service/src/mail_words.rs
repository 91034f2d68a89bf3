//! Words of RFC 2047, in which headers carry text beyond ASCII: what user metadata brings in such words is text, and text
//! that a header cannot hold is told in such words again. S3 User Guide, "Working with object metadata". How words are made is recorded of AWS: which of the two
//! forms (LocalStack's test_user_metadata_rfc2047_encoded), that bytes of a header are letters of ISO-8859-1 (minio's
//! pull request 21282), and that long texts are halved (aws-sdk-ios's issue 241).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write;

/// Most letters of a word's content: a line of 75, without what stands around it.
const MAX_CONTENT: usize = 63;

/// A value of user metadata as it is kept and told.
pub fn told(given: &str) -> String {
    encoded(&decoded(given))
}

/// A text whose words are read; blanks between two of them are none of it.
fn decoded(text: &str) -> String {
    if !text.contains("=?") {
        return text.to_owned();
    }
    let is_blank = |letter: char| matches!(letter, ' ' | '\t');
    let (mut out, mut rest, mut behind_word) = (String::new(), text, false);
    while !rest.is_empty() {
        let blanks = rest.len() - rest.trim_start_matches(is_blank).len();
        let (gap, at) = rest.split_at(blanks);
        let (token, next) = at.split_at(at.find(is_blank).unwrap_or(at.len()));
        let word = decoded_word(token);
        if !(behind_word && word.is_some()) {
            out.push_str(gap);
        }
        out.push_str(word.as_deref().unwrap_or(token));
        behind_word = word.is_some();
        rest = next;
    }
    out
}

fn decoded_word(token: &str) -> Option<String> {
    let inner = token.strip_prefix("=?")?.strip_suffix("?=")?;
    let (charset, rest) = inner.split_once('?')?;
    let (form, content) = rest.split_once('?')?;
    let bytes: Vec<u8> = match form {
        _ if !charset.eq_ignore_ascii_case("utf-8") => return None,
        "B" | "b" => STANDARD.decode(content).ok()?,
        "Q" | "q" => {
            let escaped = content.replace('%', "%25").replace('=', "%").replace('_', " ");
            percent_encoding::percent_decode_str(&escaped).collect()
        }
        _ => return None,
    };
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn is_printable(letter: char) -> bool {
    matches!(letter, ' '..='~' | '\t' | '\r' | '\n')
}

/// A text as a header holds it: as it is, or in words.
fn encoded(text: &str) -> String {
    let others = text.chars().filter(|letter| !is_printable(*letter)).count();
    if others == 0 {
        return text.to_owned();
    }
    let form: fn(&str) -> String = if text.chars().count() - others > others { quoted } else { binary };
    let units: Vec<u16> = text.encode_utf16().collect();
    let mut words = Vec::new();
    halved(&units, form, &mut words);
    words.join(" ")
}

/// The words of a text, of which each half that is too long is halved again.
fn halved(units: &[u16], form: fn(&str) -> String, words: &mut Vec<String>) {
    let word = form(&String::from_utf16_lossy(units));
    let between = "=?UTF-8?Q?".len() + "?=".len();
    if word.len() - between <= MAX_CONTENT || units.len() < 2 {
        words.push(word);
        return;
    }
    let middle = units.len() / 2;
    // A letter of two units stays whole.
    let is_first_of_two = (0xD800..0xDC00).contains(&units[middle - 1]);
    let (first, second) = units.split_at(if is_first_of_two { middle - 1 } else { middle });
    if first.is_empty() {
        words.push(word);
        return;
    }
    halved(first, form, words);
    halved(second, form, words);
}

/// A text as one word, letter by letter where it can be.
pub fn quoted(text: &str) -> String {
    let mut word = String::from("=?UTF-8?Q?");
    for byte in text.bytes() {
        match byte {
            b' ' => word.push('_'),
            b'=' | b'?' | b'_' | ..=0x1F | 0x7F.. => {
                let _ = write!(word, "={byte:02X}");
            }
            byte => word.push(char::from(byte)),
        }
    }
    word + "?="
}

fn binary(text: &str) -> String {
    ["=?UTF-8?B?", &STANDARD.encode(text), "?="].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded of AWS by LocalStack's test_user_metadata_rfc2047_encoded and test_put_unicode_metadata_with_sig_s3.
    #[test]
    fn as_recorded() {
        for (text, expected) in [
            ("=?UTF-8?Q?actually-ascii?=", "actually-ascii"),
            ("=?UTF-8?B?YWJj?=", "abc"),
            ("=?UTF-8?B?AAECAw==?=", "=?UTF-8?B?AAECAw==?="),
            ("ÄMÄZÕÑ S3", "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?="),
            ("=?utf-8?B?w4RNw4Raw5XDkSBTMw==?=", "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?="),
            (
                "test_—_file%E2%80%94_é_2?.pdf",
                "=?UTF-8?Q?test=5F=E2=80=94=5Ffile%E2%80%94=5F=C3=A9=5F2=3F.pdf?=",
            ),
            (
                "test_—_file%E2%80%94_é_2👑.pdf",
                "=?UTF-8?Q?test=5F=E2=80=94=5Ffile%E2%80%94=5F=C3=A9=5F2=F0=9F=91=91.pdf?=",
            ),
            ("\u{fffd}\u{fffd}\u{fffd}", "=?UTF-8?B?77+977+977+9?="),
            ("! \"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\t", "! \"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\t"),
        ] {
            assert_eq!(told(text), expected, "{text}");
        }
        // minio's pull request 21282: the bytes of `ö`, a letter each.
        assert_eq!(told("Mini\u{c3}\u{b6}"), "=?UTF-8?Q?Mini=C3=83=C2=B6?=");
    }

    /// As far as aws-sdk-ios's issue 241 shows what AWS told.
    #[test]
    fn long_texts_are_halved() {
        let text = "Workout Completed: Congratulations!  You just completed the “Finding Vocal Freedom Workout”.  Make su";
        let words = told(text);
        assert_eq!(
            words.split(' ').collect::<Vec<_>>(),
            [
                "=?UTF-8?Q?Workout_Completed:_Congratulations!__You_just_comp?=",
                "=?UTF-8?Q?leted_the_=E2=80=9CFinding_Vocal_?=",
                "=?UTF-8?Q?Freedom_Workout=E2=80=9D.__Make_su?=",
            ]
        );
        assert_eq!(decoded(&words), text);
        assert_eq!(decoded(&told(&"👑".repeat(50))), "👑".repeat(50));
    }

    #[test]
    fn what_is_no_word_stays() {
        for text in ["plain ?=", "=?UTF-8?B?=GGG?=", "=?KOI8-R?B?AAEC?=", "a  =?b", "=?UTF-8?X?a?="] {
            assert_eq!(told(text), text);
        }
        assert_eq!(told("a =?UTF-8?Q?b?=  =?UTF-8?Q?c?= d"), "a bc d");
    }
}
