//! The sessions of the namespaces of one connection.

use broker_core::SessionHandle;
use broker_dialect::socketio::NamespaceIndex;

/// Each namespace that the client is in or waits for, with its session. There are none but with Socket.IO, and then few.
#[derive(Debug, Default)]
pub(super) struct Namespaces(Vec<(NamespaceIndex, SessionHandle)>);

impl Namespaces {
    pub(super) fn insert(&mut self, namespace: NamespaceIndex, session: SessionHandle) {
        self.0.reserve_exact(1);
        self.0.push((namespace, session));
    }

    pub(super) fn session(&self, namespace: NamespaceIndex) -> Option<SessionHandle> {
        let mut all = self.0.iter();
        let (_, session) = all.find(|(known, _)| *known == namespace)?;
        Some(*session)
    }

    pub(super) fn remove(&mut self, namespace: NamespaceIndex) -> Option<SessionHandle> {
        let place = self.0.iter().position(|(known, _)| *known == namespace)?;
        let (_, session) = self.0.remove(place);
        Some(session)
    }

    pub(super) fn sessions(&self) -> impl Iterator<Item = SessionHandle> + '_ {
        self.0.iter().map(|(_, session)| *session)
    }

    /// Gives out all sessions.
    pub(super) fn take(&mut self) -> Vec<SessionHandle> {
        let all = std::mem::take(&mut self.0);
        all.into_iter().map(|(_, session)| session).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn session(slot: u32) -> SessionHandle {
        SessionHandle {
            slot,
            generation: 0,
        }
    }

    #[test]
    fn the_session_of_a_namespace_is_found_until_it_is_taken_out() {
        let mut namespaces = Namespaces::default();
        let [one, two] = [3, 5].map(NamespaceIndex);
        namespaces.insert(one, session(7));
        namespaces.insert(two, session(8));
        assert_eq!(namespaces.session(two), Some(session(8)));
        assert_eq!(namespaces.remove(one), Some(session(7)));
        assert_eq!(
            (namespaces.session(one), namespaces.remove(one)),
            (None, None)
        );
        assert_eq!(Vec::from_iter(namespaces.sessions()), [session(8)]);
        assert_eq!(namespaces.take(), [session(8)]);
        assert_eq!(namespaces.take(), []);
    }
}
