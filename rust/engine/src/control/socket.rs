//! The socket: HTTP/1.1 on a Unix stream socket that only the gateway's own user may open.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::thread::JoinHandle;
use std::time::Duration;

use gateway_core::method::Method;
use gateway_net::h1::{Framing, Limits, RequestHead, RequestReader, reason_phrase};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};

use super::Reply;

/// How long a question may take to come, and how long an answer may take to be fetched. Finding the
/// answer is not timed: with 100,000 routes it may take a second.
const LIMIT: Duration = Duration::from_secs(10);
/// The largest question: a request to be tried, with its body.
const LARGEST: u64 = 1 << 20;
/// How long no connection is accepted after the system refused one.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers a path and a body.
type Answerer = dyn Fn(&str, &[u8]) -> Reply;

/// The open socket with its thread. Dropped, it is closed and removed.
#[derive(Debug)]
pub(crate) struct ControlSocket {
    path: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ControlSocket {
    /// Opens the socket at `path`, in place of one that was left behind. Whoever calls this holds
    /// the lock of the pid file beside it, so nobody else listens there.
    ///
    /// # Errors
    /// The path is too long (108 bytes on Linux), is a file of another kind, or cannot be made.
    pub(crate) fn open(
        path: &Path,
        answer: impl Fn(&str, &[u8]) -> Reply + Send + 'static,
    ) -> io::Result<Self> {
        let listener = bind(path)?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("control".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build_local(tokio::runtime::LocalOptions::default());
            // Without descriptors for a runtime there is nobody to tell: the socket is closed.
            if let Ok(runtime) = runtime {
                runtime.block_on(accept(listener, stopped, Rc::new(answer)));
            }
        })?;
        Ok(Self { path: path.to_owned(), stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ = fs::remove_file(&self.path);
        if let Some(thread) = self.thread.take() {
            // A panic in it has been told on standard error.
            let _ = thread.join();
        }
    }
}

/// A socket that nobody can connect to before its permissions are set: until it listens, every
/// attempt is refused.
fn bind(path: &Path) -> io::Result<std::os::unix::net::UnixListener> {
    match fs::symlink_metadata(path) {
        Ok(there) if there.file_type().is_socket() => fs::remove_file(path)?,
        Ok(_) => return Err(io::Error::new(io::ErrorKind::AlreadyExists, "it is no socket")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    socket.listen(16)?;
    socket.set_nonblocking(true)?;
    Ok(std::os::fd::OwnedFd::from(socket).into())
}

async fn accept(
    listener: std::os::unix::net::UnixListener,
    mut stopped: oneshot::Receiver<()>,
    answer: Rc<Answerer>,
) {
    let Ok(listener) = UnixListener::from_std(listener) else { return };
    loop {
        let accepted = tokio::select! {
            biased;
            _ = &mut stopped => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let answer = Rc::clone(&answer);
                spawn_local(async move {
                    // Whoever takes too long, or leaves, gets nothing.
                    let _ = serve(stream, &*answer).await;
                });
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// Answers one request and closes.
async fn serve(mut stream: UnixStream, answer: &Answerer) -> io::Result<()> {
    let reply = match timeout(LIMIT, read(&mut stream)).await?? {
        Ok((head, body)) => reply(&head, &body, answer),
        Err(refused) => refused,
    };
    let head = format!(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        reply.status,
        reason_phrase(reply.status),
        reply.content_type,
        reply.body.len()
    );
    let write = async {
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&reply.body).await?;
        stream.shutdown().await
    };
    timeout(LIMIT, write).await?
}

fn reply(head: &RequestHead, body: &[u8], answer: &Answerer) -> Reply {
    let path = String::from_utf8_lossy(head.path());
    let wanted = if path == "/try" { Method::Post } else { Method::Get };
    if head.method != wanted {
        return Reply::refused(405, &format!("{path} takes {wanted} alone"));
    }
    answer(&path, body)
}

/// Reads a request; inside, what is wrong with it.
async fn read(stream: &mut UnixStream) -> io::Result<Result<(RequestHead, Vec<u8>), Reply>> {
    let (mut reader, mut head) = (RequestReader::default(), RequestHead::default());
    let mut input = Vec::new();
    let used = loop {
        more(stream, &mut input).await?;
        match reader.parse(&input, &Limits::default(), &mut head) {
            Ok(Some(used)) => break used,
            Ok(None) => {}
            Err(reject) => return Ok(Err(Reply::refused(reject.status(), reject.reason()))),
        }
    };
    let length = match head.framing {
        Framing::None => 0,
        Framing::Length(length) if length <= LARGEST => length as usize,
        _ => return Ok(Err(Reply::refused(413, "a question has a length, of 1 MiB at most"))),
    };
    let mut body = input.split_off(used);
    while body.len() < length {
        more(stream, &mut body).await?;
    }
    body.truncate(length);
    Ok(Ok((head, body)))
}

async fn more(stream: &mut UnixStream, into: &mut Vec<u8>) -> io::Result<()> {
    match stream.read_buf(into).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}
