//! `new-service NAME OPERATION`: lays out a room and its model with all the furniture that `tidy` looks
//! for. The room compiles, its one operation answers 501 until it is written.
//!
//! NAME is botocore's name of the service; OPERATION the first of its operations to be served.

use crate::codegen;
use crate::failure::Failure;
use crate::workspace;
use std::path::Path;

/// Path of each file under the root, and its template. Sources end in `.txt` so that nothing takes the
/// templates for code.
const FILES: &[(&str, &str)] = &[
    ("models/{{room}}/operations.toml", include_str!("../templates/operations.toml")),
    ("models/{{room}}/Cargo.toml", include_str!("../templates/model.Cargo.toml")),
    ("services/{{room}}/Cargo.toml", include_str!("../templates/room.Cargo.toml")),
    ("services/{{room}}/README.md", include_str!("../templates/README.md")),
    ("services/{{room}}/src/lib.rs", include_str!("../templates/lib.rs.txt")),
    ("services/{{room}}/src/errors.rs", include_str!("../templates/errors.rs.txt")),
    ("services/{{room}}/src/state.rs", include_str!("../templates/state.rs.txt")),
    ("services/{{room}}/src/ops.rs", include_str!("../templates/ops.rs.txt")),
    ("services/{{room}}/src/ops/{{operation}}.rs", include_str!("../templates/operation.rs.txt")),
    ("services/{{room}}/tests/it/main.rs", include_str!("../templates/it.rs.txt")),
];

/// Writes the files, adds the model to the workspace's table, generates the model.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let [room, operation] = args else {
        return Err("cargo xtask new-service NAME OPERATION, such as: new-service kms CreateKey".into());
    };
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !room.starts_with(|c: char| c.is_ascii_lowercase()) || !room.chars().all(plain) {
        return Err(Failure::new(format!("{room}: a name is lower case, as botocore's folders are")));
    }
    if !operation.starts_with(|c: char| c.is_ascii_uppercase())
        || !operation.chars().all(|c| c.is_ascii_alphanumeric())
    {
        return Err(Failure::new(format!("{operation}: an operation is written as AWS writes it")));
    }
    let root = workspace::root();
    for folder in ["models", "services"] {
        if root.join(folder).join(room).exists() {
            return Err(Failure::new(format!("{folder}/{room} is there already")));
        }
    }
    for (path, template) in FILES {
        let path = root.join(filled(path, room, operation));
        std::fs::create_dir_all(path.parent().unwrap_or(root))?;
        std::fs::write(&path, filled(template, room, operation))?;
        println!("{}", path.strip_prefix(root).unwrap_or(&path).display());
    }
    add_to_workspace(&root.join("Cargo.toml"), room)?;
    codegen::run(std::slice::from_ref(room))?;
    println!(
        "\nNext: add `{room}::service()` to apps/elysium/src/rooms.rs, then CONTRIBUTING.md, \"Add a service\"."
    );
    Ok(())
}

/// Puts the two crates into the table of dependencies, beside the kernel's.
fn add_to_workspace(manifest: &Path, room: &str) -> Result<(), Failure> {
    let text = std::fs::read_to_string(manifest)?;
    let table = "[workspace.dependencies]\n";
    let at = text.find(table).ok_or("Cargo.toml has no table of workspace dependencies")? + table.len();
    let wanted = [(format!("model-{room}"), "models"), (room.to_owned(), "services")];
    let missing: String = wanted
        .iter()
        .filter(|(key, _)| !text.lines().any(|line| line.split([' ', '.']).next() == Some(key)))
        .map(|(key, folder)| format!("{key} = {{ path = \"{folder}/{room}\" }}\n"))
        .collect();
    std::fs::write(manifest, format!("{}{missing}{}", &text[..at], &text[at..]))?;
    Ok(())
}

/// A template with its names filled in.
fn filled(template: &str, room: &str, operation: &str) -> String {
    let pascal: String = room.split('-').map(capitalised).collect();
    template
        .replace("{{room}}", room)
        .replace("{{module}}", &room.replace('-', "_"))
        .replace("{{Room}}", &pascal)
        .replace("{{Operation}}", operation)
        .replace("{{operation}}", &snake_case(operation))
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
}

/// `CreateDBInstance` is `create_db_instance`: a run of capitals is one word.
fn snake_case(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (at, c) in chars.iter().enumerate() {
        let after_small = at > 0 && !chars[at - 1].is_ascii_uppercase();
        let before_small = chars.get(at + 1).is_some_and(char::is_ascii_lowercase);
        if c.is_ascii_uppercase() && at > 0 && (after_small || before_small) {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_take_the_form_of_their_place() {
        assert_eq!(snake_case("SendMessage"), "send_message");
        assert_eq!(snake_case("CreateDBInstance"), "create_db_instance");
        assert_eq!(snake_case("ListObjectsV2"), "list_objects_v2");
        assert_eq!(
            filled("{{Room}}Error model_{{module}}", "route53-resolver", "X"),
            "Route53ResolverError model_route53_resolver"
        );
    }

    #[test]
    fn no_template_keeps_a_hole_and_the_room_is_furnished() {
        for (path, template) in FILES {
            let text = filled(path, "kms", "CreateKey") + &filled(template, "kms", "CreateKey");
            assert!(!text.contains("{{"), "{path}");
        }
    }
}
