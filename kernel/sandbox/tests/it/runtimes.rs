//! Bootstraps on disk, and interpreters by exact version.

use crate::runtime_api::{fresh_dir, places, tree};
use sandbox::runtimes::{Bootstraps, ManagedRuntime, RuntimeError, SearchPlaces};
use std::os::unix::fs::PermissionsExt;

#[test]
fn bootstraps_are_laid_out_once_and_mended() {
    let dir = fresh_dir();
    let first = Bootstraps::lay_out(&dir).unwrap();
    let files = tree(first.root());
    let node = ["node/bootstrap.mjs", "node/rehearsal.mjs", "node/rehearsed.js"];
    let python = ["python/bootstrap.py", "python/seed.py"];
    let dotnet = ["dotnet/Bootstrap.cs", "dotnet/Context.cs", "dotnet/start.sh"];
    let java = ["java/Bootstrap.java"];
    assert_eq!(files, [&dotnet[..], &java, &node, &python, &["ruby/bootstrap.rb"]].concat());
    let place = first.root().join(&files[0]);
    let whole = std::fs::read(&place).unwrap();
    std::fs::write(&place, &whole[..10]).unwrap();
    let second = Bootstraps::lay_out(&dir).unwrap();
    assert_eq!(second.root(), first.root());
    assert_eq!(std::fs::read(&place).unwrap(), whole);
    assert_eq!(tree(first.root()), files);
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn interpreters_of_this_machine_have_the_version_asked_for() {
    for (identifier, start) in [("python3.11", "3.11."), ("nodejs20.x", "20."), ("java17", "17.")] {
        let found = places().find(ManagedRuntime::parse(identifier).unwrap()).unwrap();
        assert!(found.version.starts_with(start), "{found:?}");
        assert!(found.path.is_absolute());
    }
}

#[test]
fn another_version_is_never_taken() {
    let dir = fresh_dir();
    let fake = |name: &str, script: &str| {
        let place = dir.join(name);
        std::fs::write(&place, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    fake("python3.13", "echo 3.12.4; echo /usr/bin/python3.12");
    fake("python3", "echo 3.11.9; echo /usr/bin/python3.11");
    fake("node", "exit 1");
    fake("node22", "echo 22.1.0");
    let places = SearchPlaces { path: vec![dir.clone()], home: None, system: false };
    match places.find(ManagedRuntime::Python { minor: 13 }) {
        Err(RuntimeError::Missing { others, .. }) => assert_eq!(others, ["3.11.9", "3.12.4"]),
        other => panic!("{other:?}"),
    }
    assert_eq!(places.find(ManagedRuntime::Python { minor: 11 }).unwrap().version, "3.11.9");
    assert!(places.find(ManagedRuntime::Node { major: 22 }).is_err());
    std::fs::remove_dir_all(dir).unwrap();
}
