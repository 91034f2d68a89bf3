//! The next start ends what an older boot of the same data directory left, and nothing else.

use crate::state;
use sandbox::{RunId, sweep, sweep_boot};
use std::process::{Child, Command};

/// Started without a launcher, as if both daemon and launcher had been killed.
fn left_behind(run: &str) -> Child {
    Command::new("/bin/sleep").arg("600").env_clear().env("ELYSIUM_RUN_ID", run).spawn().unwrap()
}

#[test]
fn only_older_boots_of_this_data_directory_end() {
    let (mine, other) = (format!("mine-{}", std::process::id()), format!("other-{}", std::process::id()));
    let mut older = [left_behind(&format!("{mine}.1")), left_behind(&format!("{mine}.2"))];
    let mut spared = [
        left_behind(&format!("{mine}.3")),
        left_behind(&format!("{other}.1")),
        left_behind(&mine),
        left_behind(&format!("{mine}x.1")),
    ];
    assert_eq!(sweep(&mine, "3").unwrap(), 2);
    for child in &mut older {
        assert!(!child.wait().unwrap().success());
    }
    assert!(spared.iter().all(|child| state(child.id()).is_some()));
    assert_eq!(sweep(&mine, "3").unwrap(), 0);

    assert_eq!(sweep_boot(&RunId::new(&mine, "3").unwrap()).unwrap(), 1);
    assert!(!spared[0].wait().unwrap().success());
    for child in &mut spared[1..] {
        assert!(state(child.id()).is_some());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
