//! Holds the state that all renewals share (store, grants, clock, settings) and computes when to renew and how long to
//! pause.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rand::{Rng, RngCore};

use super::store::TokenKind;
use super::{Clock, Grants, RenewalTask, StoredToken, TokenStore};

/// The state that all renewals share.
pub(super) struct SharedState {
    pub(super) store: Arc<dyn TokenStore>,
    pub(super) grants: Arc<dyn Grants>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) rng: Mutex<Box<dyn RngCore + Send>>,
    /// Distinguishes this process's attempts from others'.
    pub(super) instance: u64,
    pub(super) renew_before_expiry: Duration,
    pub(super) lease: Duration,
    pub(super) client_credentials: bool,
    pub(super) migrate: bool,
    pub(super) renewal_wait: Duration,
    pub(super) wrap_renewal: Box<dyn Fn(RenewalTask) -> RenewalTask + Send + Sync>,
}

impl SharedState {
    /// Returns when to renew a token: before its expiry, at a random time, so that not all shops renew at once.
    pub(super) fn renew_at(&self, token: &StoredToken) -> Option<DateTime<Utc>> {
        if self.migrate && token.kind() == TokenKind::Permanent {
            return Some(DateTime::<Utc>::MIN_UTC);
        }
        let part = self.rng().random_range(1.0..=2.0);
        let ahead = TimeDelta::from_std(self.renew_before_expiry.mul_f64(part)).ok()?;
        token.expires_at?.checked_sub_signed(ahead)
    }

    /// Returns when to renew a new token: like [`Self::renew_at`], but not before half of its lifetime.
    pub(super) fn renew_new_at(
        &self,
        token: &StoredToken,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let half = (token.expires_at? - now) / 2;
        Some(self.renew_at(token)?.max(now + half))
    }

    /// Returns the pause after `failures` consecutive failures.
    pub(super) fn pause(&self, failures: u32) -> Duration {
        let longest = Duration::from_secs(30);
        let doubled = Duration::from_millis(500).saturating_mul(1 << failures.min(10));
        let part = self.rng().random_range(0.5..=1.0);
        doubled.min(longest).mul_f64(part)
    }

    /// Wraps a renewal for a task of its own.
    pub(super) fn wrap_renewal(&self, renewal: RenewalTask) -> RenewalTask {
        (self.wrap_renewal)(renewal)
    }

    fn rng(&self) -> impl std::ops::DerefMut<Target = Box<dyn RngCore + Send>> {
        self.rng
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
