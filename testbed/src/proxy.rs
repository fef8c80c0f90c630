//! A TCP proxy that breaks connections on demand: the network between two parts.

use std::{net::SocketAddr, time::Duration};

use anyhow::Result;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::{mpsc, watch},
    task::{AbortHandle, JoinSet},
    time::Instant,
};

use crate::ports;

/// The most that is read at once.
const CHUNK: usize = 16 * 1024;

/// How many reads may be on their way; past it the sender waits, as with a full network.
const IN_FLIGHT: usize = 256;

/// How often the port is tried again that was given up for a while.
const REBIND: Duration = Duration::from_millis(10);

/// How a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Open connections are reset, new ones refused: the other side is gone, and everybody is told.
    Refuse,
    /// Nothing passes and nobody is told: a network that drops every packet. Open connections and new
    /// ones hang; what was sent meanwhile passes once it heals.
    Blackhole,
}

#[derive(Debug, Clone, Copy)]
struct Weather {
    cut: Option<Cut>,
    /// How often connections were reset: a cut that has healed before a connection looked counts.
    resets: u64,
    delay: Duration,
}

/// A listener that passes each connection on to one target, while it is whole.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    task: AbortHandle,
}

impl FaultProxy {
    /// Starts to listen on a spare port.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub async fn start(target: SocketAddr) -> Result<Self> {
        let listener = ports::on_spare(1, |ports| async move {
            Ok(TcpListener::bind(ports::loopback(ports[0])).await?)
        });
        let listener = listener.await?;
        let address = listener.local_addr()?;
        let (weather, seen) = watch::channel(Weather {
            cut: None,
            resets: 0,
            delay: Duration::ZERO,
        });
        let task = tokio::spawn(listen(listener, address, target, seen));
        Ok(Self {
            address,
            weather,
            task: task.abort_handle(),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts all connections, until [`heal`](Self::heal).
    pub fn cut(&self, cut: Cut) {
        self.weather.send_modify(|weather| {
            weather.cut = Some(cut);
            weather.resets += u64::from(cut == Cut::Refuse);
        });
    }

    /// Passes connections on again.
    pub fn heal(&self) {
        self.weather.send_modify(|weather| weather.cut = None);
    }

    /// Holds what is read from now on back for as long, in both directions.
    pub fn delay(&self, delay: Duration) {
        self.weather.send_modify(|weather| weather.delay = delay);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Accepts connections; gives the port up while they are refused.
async fn listen(
    first: TcpListener,
    address: SocketAddr,
    target: SocketAddr,
    mut weather: watch::Receiver<Weather>,
) {
    let mut connections = JoinSet::new();
    let mut listener = Some(first);
    loop {
        let cut = weather.borrow_and_update().cut;
        if cut == Some(Cut::Refuse) {
            listener = None;
        } else if listener.is_none() {
            listener = TcpListener::bind(address).await.ok();
        }
        let changed = tokio::select! {
            accepted = accept(listener.as_ref()) => {
                if let Some(client) = accepted {
                    connections.spawn(connection(client, target, weather.clone()));
                }
                Ok(())
            }
            changed = weather.changed() => changed,
            () = tokio::time::sleep(REBIND), if listener.is_none() => Ok(()),
            Some(_) = connections.join_next() => Ok(()),
        };
        if changed.is_err() {
            return;
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> Option<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.ok().map(|(client, _)| client),
        None => std::future::pending().await,
    }
}

/// Passes one connection on until either side ends it or it is reset.
async fn connection(
    mut client: TcpStream,
    target: SocketAddr,
    mut weather: watch::Receiver<Weather>,
) {
    let before = weather.borrow().resets;
    let mut resets = weather.clone();
    let reset = resets.wait_for(|now| now.resets != before || now.cut == Some(Cut::Refuse));
    let mut server = None;
    let pass = async {
        whole(&mut weather).await?;
        let server = server.insert(TcpStream::connect(target).await.ok()?);
        server.set_nodelay(true).ok()?;
        client.set_nodelay(true).ok()?;
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let passed = tokio::try_join!(
            pass(from_client, to_server, weather.clone()),
            pass(from_server, to_client, weather.clone()),
        );
        passed.ok()
    };
    let passed = tokio::select! {
        passed = pass => passed,
        _ = reset => None,
    };
    if passed.is_none() {
        // Closing is a reset then, not an end in good order. It fails on a connection that is gone.
        for stream in [Some(client), server].into_iter().flatten() {
            let _ = stream.set_zero_linger();
        }
    }
}

/// Passes one direction on, each chunk after its delay, and its end.
async fn pass(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut weather: watch::Receiver<Weather>,
) -> std::io::Result<()> {
    let (send, mut receive) = mpsc::channel::<(Instant, Vec<u8>)>(IN_FLIGHT);
    let delay = weather.clone();
    let read = async move {
        let mut buffer = vec![0; CHUNK];
        loop {
            let length = from.read(&mut buffer).await?;
            let due = Instant::now() + delay.borrow().delay;
            if length == 0 || send.send((due, buffer[..length].to_vec())).await.is_err() {
                return Ok(());
            }
        }
    };
    let write = async move {
        while let Some((due, chunk)) = receive.recv().await {
            tokio::time::sleep_until(due).await;
            if whole(&mut weather).await.is_none() {
                break;
            }
            to.write_all(&chunk).await?;
        }
        to.shutdown().await
    };
    tokio::try_join!(read, write).map(|_| ())
}

/// Waits until nothing is cut; `None` once the proxy is gone.
async fn whole(weather: &mut watch::Receiver<Weather>) -> Option<()> {
    let calm = weather.wait_for(|weather| weather.cut.is_none()).await;
    calm.ok().map(|_| ())
}
