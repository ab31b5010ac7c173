//! The closed sets of reasons that are counted by, as labels of metrics spell them.

/// Defines a closed set of reasons and their names, as labels of a metric spell them.
macro_rules! reasons {
    ($(#[$doc:meta])* $set:ident { $($(#[$reason_doc:meta])* $reason:ident = $name:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $set { $($(#[$reason_doc])* $reason,)+ }

        impl $set {
            /// Every reason there is.
            pub const ALL: &[$set] = &[$($set::$reason),+];

            /// Its name, as the label of a metric.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $($set::$reason => $name,)+ }
            }
        }
    };
}

reasons! {
    /// Why a connection got no WebSocket.
    Rejected {
        /// It sent nothing within `first_byte_timeout`.
        FirstByteTimeout = "first_byte_timeout",
        /// Its request's head, or its TLS handshake, took longer than `handshake_timeout`.
        HandshakeTimeout = "handshake_timeout",
        /// Its first bytes are neither HTTP nor, where that is spoken, TLS, or it sent a bad PROXY header.
        NotHttp = "not_http",
        /// It comes from no trusted proxy, where `listen.proxy_protocol` wants one.
        NoProxy = "no_proxy",
        /// Two headers of its request name different clients, or one cannot be read.
        UnclearClient = "unclear_client",
        /// Its handshake is not as RFC 6455 or RFC 8441 want it.
        BadHandshake = "bad_handshake",
        /// It speaks another version of WebSocket.
        Version = "version",
        /// No endpoint has its path.
        NoEndpoint = "no_endpoint",
        /// It is a page of an origin that is not listed.
        Origin = "origin",
        /// Its cookies are over `max_session`.
        SessionTooLarge = "max_session",
        /// There are `max_connections` already.
        Connections = "max_connections",
        /// Its address has `max_connections_per_ip` already.
        ConnectionsPerIp = "max_connections_per_ip",
        /// No file descriptor was left for it.
        NoFiles = "no_files",
        /// The broker is draining.
        Draining = "draining",
        /// The hold has no room for what it may have to tell the backend.
        HoldFull = "hold_full",
        /// The backend did not let it in.
        Backend = "backend",
        /// The backend was to decide and is away, or did not answer as it should.
        BackendAway = "backend_away",
    }
}

reasons! {
    /// Why a WebSocket has ended.
    Closed {
        /// The client closed it.
        ByClient = "client",
        /// A command did.
        ByCommand = "command",
        /// Its socket ended without a close frame, or failed.
        Lost = "lost",
        /// The client broke the protocol.
        ProtocolError = "protocol_error",
        /// It sent text that is not UTF-8.
        NotUtf8 = "not_utf8",
        /// It sent what its dialect does not take.
        Dialect = "dialect",
        /// A message went over `max_message`.
        MessageTooBig = "max_message",
        /// A message went over `max_fragments`.
        TooManyFragments = "max_fragments",
        /// A message went over `message_timeout`.
        SlowMessage = "message_timeout",
        /// The client went over `messages_per_second`.
        TooManyMessages = "messages_per_second",
        /// It did not read, and went over `max_send_queue`.
        SendQueue = "max_send_queue",
        /// It read nothing for `write_timeout`.
        WriteTimeout = "write_timeout",
        /// More was held for the backend than may be (`backend.hold.on_full = "close"`).
        HoldFull = "hold_full",
        /// It was in no namespace of Socket.IO, and the backend that was to let it into one is away.
        BackendAway = "backend_away",
        /// It answered no ping within `pong_timeout`.
        NoPong = "pong_timeout",
        /// The broker drains or ends.
        Restart = "restart",
        /// A fault of ours.
        Internal = "internal",
    }
}

reasons! {
    /// Why a request on either port was refused that asked for no WebSocket.
    Refused {
        /// It is not HTTP as RFC 9110 and RFC 9112 want it.
        BadRequest = "bad_request",
        /// Its path and query are too long.
        UriTooLong = "uri_too_long",
        /// Its head is over `max_header` or has too many fields.
        HeadTooLarge = "max_header",
        /// Its method or path is not served.
        NotServed = "not_served",
        /// Its token is missing or wrong, or its address is not allowed, or it is a web page's.
        NotAllowed = "not_allowed",
        /// Its body is over `max_body`, or over `max_message` if it is one of a client that polls.
        BodyTooLong = "max_body",
        /// Its body took longer than `body_timeout`.
        BodyTimeout = "body_timeout",
        /// Its body holds no list of commands, or more than `max_commands`.
        BadCommands = "bad_commands",
        /// The broker is ending.
        Ending = "ending",
    }
}

reasons! {
    /// Why a call to the backend came to nothing, or a line of its answer did.
    Failed {
        /// No connection could be made.
        Unreachable = "unreachable",
        /// The connection ended before the answer was complete.
        Interrupted = "interrupted",
        /// There was no complete answer within `backend.timeout`.
        TimedOut = "timeout",
        /// It was redirected.
        Redirect = "redirect",
        /// It was answered with a status of 4xx.
        ClientError = "client_error",
        /// It was answered with a status of 5xx.
        ServerError = "server_error",
        /// The answer is no list of commands, or too long.
        BadAnswer = "bad_answer",
        /// The embedder's own code panicked.
        Panicked = "panic",
    }
}

reasons! {
    /// Why an event was given up.
    Lost {
        /// The backend's answer was none that another try could better.
        Refused = "refused",
        /// It failed again and again while others were answered.
        Poison = "poison",
        /// It may have arrived, and delivery is at most once.
        Doubtful = "doubtful",
        /// It was held for longer than `backend.hold.max_age`.
        MaxAge = "max_age",
        /// Its connection held `backend.hold.max_events` already.
        MaxEvents = "max_events",
        /// All together held `backend.hold.max_bytes` already.
        MaxBytes = "max_bytes",
    }
}

reasons! {
    /// What becomes of answers that are streamed.
    Streamed {
        /// It has begun.
        Begun = "begun",
        /// It ended before it was whole, or was silent for `backend.stream_idle_timeout`.
        Cut = "cut",
        /// There were `backend.max_streams` already.
        TooMany = "max_streams",
    }
}
