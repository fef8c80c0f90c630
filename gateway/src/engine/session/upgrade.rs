//! The WebSocket that a polling session may move to.

use std::time::Instant;

use super::{Closing, Output, Session, State, Upgrade};
use crate::engine::Frame;

impl Session {
    /// A WebSocket with the `sid` of this session is there. `false`: it is one
    /// too many, and to be closed; the session does not mind.
    #[must_use]
    pub fn probe_opened(&mut self, now: Instant) -> bool {
        match &mut self.state {
            State::Polling(polling) if polling.upgrade.is_none() && polling.closing.is_none() => {
                polling.upgrade = Some(Upgrade {
                    deadline: now + self.config.upgrade_timeout,
                    probed: false,
                });
                true
            }
            _ => false,
        }
    }

    /// A text frame from the WebSocket that probes: `2probe`, then `5`. On
    /// anything else it is closed, and polling goes on.
    pub fn probe_text(&mut self, text: &str, out: &mut Vec<Output>) {
        let State::Polling(polling) = &mut self.state else {
            return;
        };
        match (&mut polling.upgrade, text) {
            (Some(upgrade), "2probe") if !upgrade.probed => {
                upgrade.probed = true;
                out.push(Output::SendToProbe(Frame::PROBE_PONG));
                self.give_get_back(out);
            }
            (Some(upgrade), "5") if upgrade.probed => {
                let closing = polling.closing.take();
                self.state = State::WebSocket;
                out.push(Output::Upgraded);
                if let Some(Closing { reason, .. }) = closing {
                    self.end(reason, out);
                }
            }
            _ => self.fail_probe(out),
        }
    }

    /// A binary frame from the WebSocket that probes: it has no business there.
    pub fn probe_binary(&mut self, out: &mut Vec<Output>) {
        self.fail_probe(out);
    }

    /// The WebSocket that probes is gone; polling goes on.
    pub fn probe_closed(&mut self) {
        if let State::Polling(polling) = &mut self.state {
            polling.upgrade = None;
        }
    }

    fn fail_probe(&mut self, out: &mut Vec<Output>) {
        if let State::Polling(polling) = &mut self.state
            && polling.upgrade.take().is_some()
        {
            out.push(Output::CloseProbe);
        }
    }
}
