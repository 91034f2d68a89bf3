//! The way out of sandboxes. What stands for a host out there is an address of this machine's own interface,
//! allowed by name: what is sent to it never leaves the machine.

use crate::start;
use crate::walls::{said, script};
use sandbox::runner::{End, Level, Runner, Template};
use sandbox::{Egress, Isolation, LocalRunner, Network};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

/// An address of an interface of this machine, if it has one besides loopback.
fn own() -> Option<Ipv4Addr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    // Sends nothing: the kernel says from where it would.
    socket.connect("203.0.113.1:9").ok()?;
    match socket.local_addr().unwrap().ip() {
        IpAddr::V4(ip) if !ip.is_loopback() => Some(ip),
        _ => None,
    }
}

/// A runner whose sandboxes reach the outside and, if so said, this machine's own address.
async fn runner(allowed: Vec<Network>) -> Option<LocalRunner> {
    let runner = LocalRunner::new(start().await, Isolation::Only(Level::Sandbox), Egress::Internet(allowed));
    let probe = runner.probe().await.unwrap();
    if probe.allows(Level::Sandbox).is_ok() && probe.egress.is_present() {
        return Some(runner);
    }
    eprintln!("not tested here: {:?}", probe.egress);
    None
}

/// A runner, the address, and a server there that answers each line with itself.
async fn with_echo() -> Option<(LocalRunner, SocketAddr)> {
    let Some(own) = own() else {
        eprintln!("not tested here: this machine has no address besides loopback");
        return None;
    };
    let runner = runner(vec![own.to_string().parse().unwrap()]).await?;
    let listener = TcpListener::bind((own, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let datagrams = UdpSocket::bind(address).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut bytes = [0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut bytes).await {
                    stream.write_all(&bytes[..length]).await.unwrap();
                }
            });
        }
    });
    tokio::spawn(async move {
        let mut bytes = [0; 4096];
        while let Ok((length, from)) = datagrams.recv_from(&mut bytes).await {
            datagrams.send_to(&bytes[..length], from).await.unwrap();
        }
    });
    Some((runner, address))
}

fn python(program: &str) -> Template {
    let mut template = script("");
    template.argv = vec!["/usr/bin/env".into(), "python3".into(), "-c".into(), program.into()];
    template
}

/// What a program says that knows the server's address by `there`.
async fn says(program: &str) -> Option<String> {
    let (runner, address) = with_echo().await?;
    let head = format!("import socket, select, errno\nthere = ('{}', {})\n", address.ip(), address.port());
    let sandbox = runner.launch(python(&format!("{head}{program}"))).await.unwrap();
    let (output, end) = said(&*sandbox).await;
    assert_eq!(end, End::Code(0), "{output}");
    Some(output)
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_reach_a_host_in_every_manner() {
    let output = says(
        r"
def echo(s, text):
    s.setblocking(True)
    s.sendall(text)
    return s.recv(99).decode()

for round in range(3):
    s = socket.create_connection(there)
    print(echo(s, b'blocking'), s.getpeername() == there, s.getsockname()[0])
s = socket.create_connection(there, 5)
print(echo(s, b'with a timeout'))
s = socket.socket()
s.setblocking(False)
waits = select.epoll()
waits.register(s, select.EPOLLOUT)
waits.poll(0)
print(s.connect_ex(there) in (0, errno.EINPROGRESS), len(waits.poll(5)), s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
print(echo(s, b'not waiting'))
s = socket.socket(socket.AF_INET6)
s.connect(('::ffff:' + there[0], there[1]))
print(echo(s, b'both versions'))
s.shutdown(socket.SHUT_WR)
print(s.recv(1))
",
    )
    .await;
    let Some(output) = output else { return };
    let first = "blocking True 169.254.76.1\n".repeat(3);
    let rest = "with a timeout\nTrue 1 0\nnot waiting\nboth versions\nb''\n";
    assert_eq!(output, format!("{first}{rest}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn datagrams_reach_a_host_and_answers_come_back() {
    let output = says(
        r"
def socket_of(kind):
    s = socket.socket(kind, socket.SOCK_DGRAM)
    s.settimeout(5)
    return s

s = socket_of(socket.AF_INET)
s.sendto(b'to', there)
print(s.recvfrom(99) == (b'to', there))
s.sendmsg([b'in ', b'parts'], [], 0, there)
print(s.recv(99).decode())
s = socket_of(socket.AF_INET)
s.connect(there)
s.send(b'connected')
print(s.recv(99).decode(), s.getsockname()[0])
",
    )
    .await;
    let Some(output) = output else { return };
    assert_eq!(output, "True\nin parts\nconnected 169.254.76.1\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_reached() {
    let output = says(
        r"
for timeout in (None, 5):
    for address in ((there[0], 1), ('169.254.169.254', 80), ('224.0.0.1', 80)):
        s = socket.socket()
        s.settimeout(timeout)
        print(errno.errorcode[s.connect_ex(address)])
s = socket.socket(socket.AF_INET6)
print(errno.errorcode[s.connect_ex(('2001:db8::1', 80))])
try: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('169.254.169.254', 80))
except OSError as e: print(errno.errorcode[e.errno])
",
    )
    .await;
    let Some(output) = output else { return };
    let each = "ECONNREFUSED\nENETUNREACH\nENETUNREACH\n";
    assert_eq!(output, format!("{each}{each}ENETUNREACH\nENETUNREACH\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_machine_itself_is_reached_only_where_allowed() {
    let Some(own) = own() else { return };
    let Some(runner) = runner(Vec::new()).await else { return };
    let listener = TcpListener::bind((own, 0)).await.unwrap();
    let loopback = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let datagrams = UdpSocket::bind((own, 0)).await.unwrap();
    let program = format!(
        r"
import socket, errno
for address in (('{own}', {}), ('127.0.0.1', {}), ('0.0.0.0', {}), ('127.0.0.2', {})):
    print(errno.errorcode[socket.socket().connect_ex(address)])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
try: s.sendto(b'x', ('{own}', {}))
except OSError as e: print(errno.errorcode[e.errno])
",
        listener.local_addr().unwrap().port(),
        loopback.local_addr().unwrap().port(),
        loopback.local_addr().unwrap().port(),
        loopback.local_addr().unwrap().port(),
        datagrams.local_addr().unwrap().port(),
    );
    let (output, _) = said(&*runner.launch(python(&program)).await.unwrap()).await;
    assert_eq!(output, "ECONNREFUSED\n".repeat(5));
    assert!(datagrams.try_recv(&mut [0; 8]).is_err(), "nothing arrived");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_beside_has_the_same_way_and_the_loopback_stays_the_sandboxs() {
    let Some((runner, address)) = with_echo().await else { return };
    let server = "import socket\ns = socket.create_server(('0.0.0.0', 7070))\nprint('up', flush=True)\n\
                  while True: s.accept()[0].sendall(b'within')";
    let sandbox = runner.launch(python(server)).await.unwrap();
    sandbox.take_stdout().unwrap().read_u8().await.unwrap();
    let client = format!(
        "import socket\ns = socket.create_connection(('{}', {}))\ns.sendall(b'out')\nprint(s.recv(9).decode())\n\
         print(socket.create_connection(('127.0.0.1', 7070)).recv(9).decode())\n\
         print(socket.create_connection(('169.254.76.1', 7070)).recv(9).decode())",
        address.ip(),
        address.port()
    );
    let beside = sandbox.beside(python(&client)).await.unwrap();
    assert_eq!(said(&*beside).await, ("out\nwithin\nwithin\n".to_owned(), End::Code(0)));
}

/// A program that takes its sockets from under the supervisor: whatever it then reaches is its own.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_changes_while_it_is_judged_leads_nowhere() {
    let Some((runner, address)) = with_echo().await else { return };
    let loopback = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = loopback.local_addr().unwrap().port();
    let program = format!(
        r"
import ctypes, socket, struct, threading
libc = ctypes.CDLL(None)
def name(ip, port): return struct.pack('=H', socket.AF_INET) + struct.pack('!H', port) + socket.inet_aton(ip) + bytes(8)
good, bad = name('{}', {}), name('127.0.0.1', {port})
place = ctypes.create_string_buffer(good, 16)
over = False
def swap():
    while not over:
        ctypes.memmove(place, bad, 16)
        ctypes.memmove(place, good, 16)
thread = threading.Thread(target=swap)
thread.start()
for _ in range(300):
    s = socket.socket()
    libc.connect(s.fileno(), place, 16)
    s.close()
over = True
thread.join()
print('done')
",
        address.ip(),
        address.port()
    );
    let (output, _) = said(&*runner.launch(python(&program)).await.unwrap()).await;
    assert_eq!(output, "done\n");
    let arrived = tokio::select! {
        biased;
        arrived = loopback.accept() => Some(arrived),
        () = std::future::ready(()) => None,
    };
    assert!(arrived.is_none(), "the loopback of the machine was reached");
}
