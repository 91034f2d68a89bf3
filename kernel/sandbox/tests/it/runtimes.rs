//! Bootstraps on disk, and interpreters by exact version.

use crate::runtime_api::{fresh_dir, places, tree};
use sandbox::runner::{End, Runner, Shown, Template};
use sandbox::runtimes::{Bootstraps, Interpreter, ManagedRuntime, RuntimeError, SearchPlaces};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

#[test]
fn bootstraps_are_laid_out_once_and_mended() {
    let dir = fresh_dir();
    let first = Bootstraps::lay_out(&dir).unwrap();
    let files = tree(first.root());
    let node = ["node/bootstrap.mjs", "node/rehearsal.mjs", "node/rehearsed.js", "node/responses.mjs"];
    let python = ["python/bootstrap.py", "python/elysium_logs.py", "python/seed.py"];
    let dotnet = ["dotnet/Bootstrap.cs", "dotnet/Context.cs", "dotnet/start.sh"];
    let java = ["java/Bootstrap.java", "java/Rehearsal.java", "java/Waiting.java", "java/manifest.txt"];
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

/// What waits for a function and the function's first invocation want it at the same time.
#[test]
fn a_bootstrap_is_compiled_once_for_all_who_want_it() {
    let dir = fresh_dir();
    let bootstraps = Bootstraps::lay_out(&dir).unwrap();
    let runtime = ManagedRuntime::parse("java17").unwrap();
    let interpreter = places().find(runtime).unwrap();
    std::thread::scope(|scope| {
        let wanted = || bootstraps.prepare(runtime, &interpreter, "");
        let all: Vec<_> = (0..4).map(|_| scope.spawn(wanted)).collect();
        all.into_iter().for_each(|one| one.join().unwrap().unwrap());
    });
    assert!(tree(bootstraps.root()).iter().all(|file| !file.contains(".draft")));
    std::fs::remove_dir_all(dir).unwrap();
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

/// A virtual environment is a folder with links to the Python that it was made by, as `python3 -m venv` makes it.
#[tokio::test(flavor = "multi_thread")]
async fn the_python_of_a_virtual_environment_is_the_one_that_it_was_made_by() {
    let runtime = ManagedRuntime::Python { minor: 11 };
    let installed = places().find(runtime).unwrap();
    let dir = fresh_dir();
    for (name, way) in [("linked", "--symlinks"), ("copied", "--copies")] {
        let environment = dir.join(name);
        let mut made = Command::new(&installed.path);
        assert!(
            made.args(["-m", "venv", "--without-pip", way]).arg(&environment).status().unwrap().success()
        );
        let places = SearchPlaces { path: vec![environment.join("bin")], home: None, system: false };
        let found = places.find(runtime).unwrap();
        assert_eq!((&found.path, &found.version), (&installed.path, &installed.version), "{name}");
        sees_its_library(&found).await;
    }
    // The packages of the environment serve all the same.
    let packages = dir.join("linked/lib/python3.11/site-packages");
    for part in ["boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py", "urllib3"] {
        std::fs::create_dir(packages.join(part)).unwrap();
    }
    for choosy in ["boto3-1.dist-info", "botocore-1.dist-info", "urllib3-1.dist-info"] {
        std::fs::create_dir(packages.join(choosy)).unwrap();
        std::fs::write(packages.join(choosy).join("METADATA"), "Name: x\n").unwrap();
    }
    // By a link to a Python that has no SDK of its own.
    let bare = dir.join("bare/bin");
    std::fs::create_dir_all(&bare).unwrap();
    let script = format!("#!/bin/sh\necho {}; echo {}", installed.version, bare.join("python3.11").display());
    std::fs::write(dir.join("python"), script).unwrap();
    std::fs::set_permissions(dir.join("python"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink(dir.join("python"), bare.join("python3.11")).unwrap();
    let path = vec![bare, dir.join("linked/bin")];
    let found = SearchPlaces { path, home: None, system: false }.find(runtime).unwrap();
    assert_eq!((found.path, found.sdk), (dir.join("python"), Some(packages)));
    std::fs::remove_dir_all(dir).unwrap();
}

/// Where it is within walls, which show it its own folders alone.
async fn sees_its_library(interpreter: &Interpreter) {
    let Some(runner) = crate::walls::runner().await else { return };
    let program =
        [interpreter.path.clone().into_os_string(), "-c".into(), "import json; print(json.dumps(1))".into()];
    let mut template = Template { argv: program.to_vec(), ..crate::walls::script("") };
    let folders = interpreter.folders().into_iter();
    template.roots.read_only = folders.map(|folder| Shown { from: folder.clone(), at: folder }).collect();
    let sandbox = runner.launch(template).await.unwrap();
    assert_eq!(crate::walls::said(&*sandbox).await, ("1\n".to_owned(), End::Code(0)));
}
