//! Which system calls a sandbox may make: all that programs need, none by which it could change its
//! boundary, look into others, or reach parts of the kernel that are there for its administrators.
//!
//! What is forbidden answers `EPERM`; what this list does not know yet answers `ENOSYS`, upon which
//! libraries do without it.

use crate::sys::confine;
use std::io;
use std::os::fd::OwnedFd;

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xC000_00B7;

/// The last call that was judged: `mseal`, Linux 6.10.
const LAST_KNOWN: u32 = 462;

#[cfg(target_arch = "x86_64")]
const OF_ARCHITECTURE: [libc::c_long; 6] = [
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
    libc::SYS_ustat,
    libc::SYS__sysctl,
];
#[cfg(not(target_arch = "x86_64"))]
const OF_ARCHITECTURE: [libc::c_long; 0] = [];

const FORBIDDEN: [libc::c_long; 57] = [
    // Mounts and roots.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_mount_setattr,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_quotactl,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_fanotify_init,
    // Namespaces and other processes.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_personality,
    // Parts of the kernel that had many faults.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_lookup_dcookie,
    libc::SYS_vhangup,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    libc::SYS_mbind,
    libc::SYS_set_mempolicy,
    // The machine.
    libc::SYS_reboot,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_nfsservctl,
    libc::SYS_set_mempolicy_home_node,
];

/// Kinds of sockets that lead to the hypervisor, the kernel's ciphers and raw networks.
const FORBIDDEN_SOCKETS: [libc::c_int; 3] = [libc::AF_VSOCK, libc::AF_ALG, libc::AF_PACKET];
const NEW_NAMESPACES: libc::c_int = libc::CLONE_NEWNS
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const FIRST_ARGUMENT: u32 = 16;
/// The flags of `sendmsg`.
const THIRD_ARGUMENT: u32 = 32;
/// The address of `sendto`, both halves.
const FIFTH_ARGUMENT: [u32; 2] = [48, 52];
const ALLOW: u32 = 0x7FFF_0000;
const KILL: u32 = 0x8000_0000;
const HAND_OVER: u32 = 0x7FC0_0000;
const ERROR: u32 = 0x0005_0000;

const LOAD: u16 = 0x20;
const EQUAL: u16 = 0x15;
const GREATER: u16 = 0x25;
const ANY_BIT: u16 = 0x45;
const RETURN: u16 = 0x06;

fn one(code: u16, k: u32) -> libc::sock_filter {
    libc::sock_filter { code, jt: 0, jf: 0, k }
}

/// `answer` where the test holds; else what follows.
fn when(test: u16, k: u32, answer: u32) -> [libc::sock_filter; 2] {
    [libc::sock_filter { code: test, jt: 0, jf: 1, k }, one(RETURN, answer)]
}

/// Tests of the first argument of one call, after which nothing else of it is tested.
fn of_call(call: libc::c_long, tests: &[[libc::sock_filter; 2]]) -> Vec<libc::sock_filter> {
    let inner = 2 * tests.len() + 2;
    let skip = libc::sock_filter { code: EQUAL, jt: 0, jf: inner as u8, k: call as u32 };
    let mut all = vec![skip, one(LOAD, FIRST_ARGUMENT)];
    all.extend(tests.iter().flatten());
    all.push(one(RETURN, ALLOW));
    all
}

/// Hands over calls that name an address. What is sent without one to where a socket is connected is not,
/// nor is what this crate's own processes send.
fn handed_over() -> Vec<libc::sock_filter> {
    let of =
        |call: libc::c_long, skipped| libc::sock_filter { code: EQUAL, jt: 0, jf: skipped, k: call as u32 };
    let unless =
        |value: u32| [libc::sock_filter { code: EQUAL, jt: 1, jf: 0, k: value }, one(RETURN, HAND_OVER)];
    let mut all = Vec::new();
    all.extend(when(EQUAL, libc::SYS_connect as u32, HAND_OVER));
    all.extend(when(EQUAL, libc::SYS_sendmmsg as u32, HAND_OVER));
    all.push(of(libc::SYS_sendto, 7));
    for half in FIFTH_ARGUMENT {
        all.push(one(LOAD, half));
        all.extend(unless(0));
    }
    all.push(one(RETURN, ALLOW));
    all.push(of(libc::SYS_sendmsg, 4));
    all.push(one(LOAD, THIRD_ARGUMENT));
    all.extend(unless(crate::sys::socket::SENDING as u32));
    all.push(one(RETURN, ALLOW));
    all
}

/// The filter.
pub(super) fn program(egress: bool) -> Vec<libc::sock_filter> {
    let refused = |error: libc::c_int| ERROR | error as u32;
    let mut all = vec![one(LOAD, ARCH)];
    all.push(libc::sock_filter { code: EQUAL, jt: 1, jf: 0, k: ARCHITECTURE });
    all.extend([one(RETURN, KILL), one(LOAD, NUMBER)]);
    // Also the calls of the x32 form, whose numbers lie far above.
    all.extend(when(GREATER, LAST_KNOWN, refused(libc::ENOSYS)));
    for call in FORBIDDEN.iter().chain(&OF_ARCHITECTURE) {
        all.extend(when(EQUAL, *call as u32, refused(libc::EPERM)));
    }
    // Its flags lie in memory, which a filter cannot read; libraries fall back to `clone`.
    all.extend(when(EQUAL, libc::SYS_clone3 as u32, refused(libc::ENOSYS)));
    all.extend(of_call(libc::SYS_clone, &[when(ANY_BIT, NEW_NAMESPACES as u32, refused(libc::EPERM))]));
    let sockets = FORBIDDEN_SOCKETS.map(|family| when(EQUAL, family as u32, refused(libc::EPERM)));
    all.extend(of_call(libc::SYS_socket, &sockets));
    if egress {
        all.extend(handed_over());
    }
    all.push(one(RETURN, ALLOW));
    all
}

/// Puts the filter before every call of this process and all it starts. With a way out, gives what hands
/// over their calls.
pub(super) fn restrict(egress: bool) -> io::Result<Option<OwnedFd>> {
    confine::filter_calls(&program(egress), egress)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the filter answers, by running it as the kernel does.
    fn answer(number: u32, first: u32) -> u32 {
        answer_of(&program(false), number, &|_| first)
    }

    fn answer_of(program: &[libc::sock_filter], number: u32, argument: &dyn Fn(u32) -> u32) -> u32 {
        let (mut at, mut held) = (0, 0);
        loop {
            let step = program[at];
            at += 1;
            let mut jump = |holds: bool| at += usize::from(if holds { step.jt } else { step.jf });
            match step.code {
                LOAD => {
                    held = match step.k {
                        NUMBER => number,
                        ARCH => ARCHITECTURE,
                        place => argument(place),
                    }
                }
                EQUAL => jump(held == step.k),
                GREATER => jump(held > step.k),
                ANY_BIT => jump(held & step.k != 0),
                RETURN => return step.k,
                other => panic!("does {other}"),
            }
        }
    }

    #[test]
    fn calls_that_name_an_address_are_handed_over_where_there_is_a_way_out() {
        let out = |call: libc::c_long, argument: &dyn Fn(u32) -> u32| {
            answer_of(&program(true), call as u32, argument)
        };
        let only = |place: u32, value: u32| move |asked: u32| if asked == place { value } else { 0 };
        assert_eq!(out(libc::SYS_connect, &|_| 0), HAND_OVER);
        assert_eq!(out(libc::SYS_sendmmsg, &|_| 0), HAND_OVER);
        assert_eq!(out(libc::SYS_sendto, &|_| 0), ALLOW);
        assert_eq!(out(libc::SYS_sendto, &only(48, 1)), HAND_OVER);
        assert_eq!(out(libc::SYS_sendto, &only(52, 1)), HAND_OVER);
        assert_eq!(out(libc::SYS_sendmsg, &|_| 0), HAND_OVER);
        assert_eq!(out(libc::SYS_sendmsg, &only(32, crate::sys::socket::SENDING as u32)), ALLOW);
        assert_eq!(out(libc::SYS_write, &|_| 0), ALLOW);
        assert_eq!(out(libc::SYS_mount, &|_| 0), ERROR | libc::EPERM as u32);
        assert_eq!(answer(libc::SYS_connect as u32, 0), ALLOW);
    }

    #[test]
    fn forbidden_calls_are_refused_and_others_made() {
        let refused = ERROR | libc::EPERM as u32;
        for call in FORBIDDEN.iter().chain(&OF_ARCHITECTURE) {
            assert_eq!(answer(*call as u32, 0), refused, "{call}");
        }
        for call in [libc::SYS_read, libc::SYS_execve, libc::SYS_mmap, libc::SYS_openat, libc::SYS_futex] {
            assert_eq!(answer(call as u32, 0), ALLOW, "{call}");
        }
        for unknown in [LAST_KNOWN + 1, 0x4000_0000, u32::MAX] {
            assert_eq!(answer(unknown, 0), ERROR | libc::ENOSYS as u32);
        }
        let clone = libc::SYS_clone as u32;
        assert_eq!(answer(clone, (libc::CLONE_VM | libc::SIGCHLD) as u32), ALLOW);
        assert_eq!(answer(clone, libc::CLONE_NEWUSER as u32), refused);
        assert_eq!(answer(libc::SYS_socket as u32, libc::AF_INET as u32), ALLOW);
        assert_eq!(answer(libc::SYS_socket as u32, libc::AF_VSOCK as u32), refused);
    }
}
