//! Where the gateways are: what each says of itself on the bus, and what it has heard of the others.

use std::{
    collections::HashMap,
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

use axum::http::uri::Authority;
use callboard_shared::{
    bus::{BusError, GATEWAY_LIFE},
    id::GatewayId,
};
use tokio::time::{Instant, interval, sleep, timeout};

use super::Forward;

/// Before the first time is tried again.
const ANNOUNCE_RETRY: Duration = Duration::from_secs(1);

/// How long the bus's word about a gateway is used, and how long it is remembered for the case that
/// the bus is away.
const FRESH: Duration = Duration::from_secs(1);
const REMEMBERED: Duration = Duration::from_secs(60);

/// How long the bus may take to say where a gateway is.
const LOCATE_TIME: Duration = Duration::from_secs(2);

/// While an owner has not answered, how often the bus is asked whether it still runs.
const CHECK_EVERY: Duration = Duration::from_secs(2);

impl Forward {
    /// Announces the gateway, as soon as the bus is there, and goes on doing so.
    pub(crate) async fn announce(self: &Arc<Self>) {
        while let Err(error) = self.say_so().await {
            tracing::warn!(%error, "the gateway could not be announced; trying again");
            sleep(ANNOUNCE_RETRY).await;
        }
        let this = Arc::clone(self);
        self.lifecycle.spawn(async move {
            let beats = async {
                let mut beat = interval(GATEWAY_LIFE / 3);
                loop {
                    beat.tick().await;
                    if let Err(error) = this.say_so().await {
                        tracing::debug!(%error, "the gateway could not be announced");
                    }
                }
            };
            tokio::select! {
                () = beats => {}
                () = this.withdrawn.cancelled() => {}
            }
        });
    }

    async fn say_so(&self) -> Result<(), BusError> {
        let address = self.fleet.address.as_str();
        self.fleet.bus.announce(self.gateway, address).await
    }

    /// Says that the gateway is gone. What still comes for it is answered by whoever gets it.
    pub(crate) async fn withdraw(&self) {
        self.withdrawn.cancel();
        if let Err(error) = self.fleet.bus.withdraw(self.gateway).await {
            tracing::debug!(%error, "the gateway could not be withdrawn; it will be forgotten");
        }
    }

    /// Where a gateway is, if it runs. While the bus is away, what it said last counts.
    pub(super) async fn locate(&self, gateway: GatewayId) -> Option<Authority> {
        let known = self.known().get(&gateway).cloned();
        if let Some((at, address)) = &known
            && at.elapsed() < FRESH
        {
            return Some(address.clone());
        }
        let located = timeout(LOCATE_TIME, self.fleet.bus.locate(gateway)).await;
        match located.unwrap_or_else(|_| Err(BusError::new("it takes too long"))) {
            Ok(address) => {
                let address = address.and_then(|address| address.parse::<Authority>().ok());
                let mut known = self.known();
                known.retain(|_, (at, _)| at.elapsed() < REMEMBERED);
                match &address {
                    Some(address) => known.insert(gateway, (Instant::now(), address.clone())),
                    None => known.remove(&gateway),
                };
                address
            }
            Err(error) => {
                tracing::debug!(%error, gateway.id = %gateway, "a gateway could not be located");
                let known = known.filter(|(at, _)| at.elapsed() < REMEMBERED);
                known.map(|(_, address)| address)
            }
        }
    }

    /// Done once a gateway is not heard of any more.
    pub(super) async fn gone(&self, gateway: GatewayId) {
        loop {
            sleep(CHECK_EVERY).await;
            if self.locate(gateway).await.is_none() {
                return;
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<GatewayId, (Instant, Authority)>> {
        // No change in here can panic half-way.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
