//! A TCP proxy that can be cut off, silenced and restored.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// What becomes of traffic.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Open,
    /// Connections are closed, new ones at once.
    Cut,
    /// Nothing is forwarded; connections stay.
    Silent,
}

/// Forwards connections to a server. Ends with the runtime of the test.
pub struct TcpProxy {
    address: SocketAddr,
    line: watch::Sender<Line>,
}

impl TcpProxy {
    /// Starts one for the server at `target`.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let (line, state) = watch::channel(Line::Open);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *state.borrow() != Line::Cut {
                    tokio::spawn(connect(client, target, state.clone()));
                }
            }
        });
        Self { address, line }
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes all connections, and refuses new ones.
    pub fn cut(&self) {
        self.line.send_replace(Line::Cut);
    }

    /// Forwards nothing, but keeps connections open, as a network does that loses packets.
    pub fn silence(&self) {
        self.line.send_replace(Line::Silent);
    }

    /// Back to normal.
    pub fn restore(&self) {
        self.line.send_replace(Line::Open);
    }
}

async fn connect(client: TcpStream, target: SocketAddr, state: watch::Receiver<Line>) {
    let mut cut = state.clone();
    let work = async {
        let Ok(server) = TcpStream::connect(target).await else {
            return;
        };
        let ((client_in, client_out), (server_in, server_out)) = (client.into_split(), server.into_split());
        tokio::join!(
            forward(client_in, server_out, state.clone()),
            forward(server_in, client_out, state)
        );
    };
    tokio::select! {
        () = work => {}
        _ = cut.wait_for(|line| *line == Line::Cut) => {}
    }
}

async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut state: watch::Receiver<Line>) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let Ok(count) = from.read(&mut buffer).await else {
            return;
        };
        if count == 0 {
            let _ = to.shutdown().await;
            return;
        }
        if state.wait_for(|line| *line != Line::Silent).await.is_err() || to.write_all(&buffer[..count]).await.is_err()
        {
            return;
        }
    }
}
