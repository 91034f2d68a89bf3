//! Limits bind, are never raised, and freezing stops everything.

use crate::{STRAYING, all, eventually, first_number, program, shell, start, state};
use sandbox::{Identity, ResourceLimits, Status};

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_those_asked_for_and_core_files_are_off() {
    let launcher = start().await;
    let mut request = shell("ulimit -n; ulimit -v; ulimit -d; ulimit -c; ulimit -f; ulimit -Hn");
    request.limits = ResourceLimits {
        address_space: Some(512 << 20),
        data: Some(256 << 20),
        open_files: Some(77),
        processes: None,
        file_size: Some(1 << 20),
    };
    let mut child = launcher.spawn(request).await.unwrap();
    assert_eq!(all(&mut child.stdout).await, "77\n524288\n262144\n0\n2048\n77\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_above_the_one_in_force_changes_nothing() {
    let launcher = start().await;
    let mut plain = launcher.spawn(shell("ulimit -Hn")).await.unwrap();
    let mut asked = shell("ulimit -Hn");
    asked.limits.open_files = Some(u64::MAX);
    let mut raised = launcher.spawn(asked).await.unwrap();
    assert_eq!(all(&mut plain.stdout).await, all(&mut raised.stdout).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_beyond_the_limit_ends_its_writer() {
    let launcher = start().await;
    let place = std::env::temp_dir().join(format!("elysium-fsize-{}", std::process::id()));
    let mut request = shell("head -c 100000 /dev/zero > \"$1\"");
    request.argv.extend(["sh".into(), place.clone().into_os_string()]);
    request.limits.file_size = Some(4096);
    let child = launcher.spawn(request).await.unwrap();
    assert_ne!(child.wait().await.status, Status::Code(0));
    assert_eq!(std::fs::metadata(&place).unwrap().len(), 4096);
    std::fs::remove_file(place).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_user_where_the_daemon_is_root() {
    let launcher = start().await;
    let mut request = program("/usr/bin/id", &[]);
    request.identity = Some(Identity { user: 12345, group: 23456 });
    match launcher.spawn(request).await {
        Ok(mut child) => {
            assert_eq!(all(&mut child.stdout).await, "uid=12345 gid=23456 groups=23456\n");
        }
        Err(e) => assert!(e.to_string().contains("change its user"), "{e}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn freezing_stops_the_whole_tree_and_thawing_lets_it_go_on() {
    let launcher = start().await;
    let mut child = launcher.spawn(shell(STRAYING)).await.unwrap();
    let stray = first_number(&mut child).await;
    child.freeze().await.unwrap();
    for pid in [child.pid(), stray] {
        eventually("stopped", || state(pid) == Some('T'));
    }
    child.thaw().await.unwrap();
    for pid in [child.pid(), stray] {
        eventually("running", || state(pid) == Some('S'));
    }
    child.freeze().await.unwrap();
    child.kill().await.unwrap();
    assert_eq!(child.wait().await.status, Status::Signal(9));
}
