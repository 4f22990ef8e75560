//! Why a request failed, in words for people. URLs are never part of them: a signed one is as good as a password.

use std::{error::Error, io};

use super::{egress::Refused, tls};
use crate::core::foreign::ForeignText;

/// How the client for SOCKS says that it cannot connect to the proxy.
const NO_CONNECTION: &str = "failed to create underlying connection";

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// It could not even be put together.
    #[error("the request cannot be made: its URL or one of its headers is not valid")]
    Invalid,
    /// Its host is never asked.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The server gave up TLS.
    #[error("it redirects from https to http")]
    LeavesTls,
    /// More than 10 times.
    #[error("it redirects too often")]
    TooManyRedirects,
    /// To another scheme, or to what is no URL.
    #[error("it redirects to something that is no http or https URL")]
    BadRedirect,
    /// The time limit for connecting is over.
    #[error("no connection was made in time")]
    ConnectTimeout,
    /// Another time limit is over.
    #[error("it took too long")]
    Timeout,
    /// No connection: TCP, TLS or the name.
    #[error("{reason}")]
    Connect {
        /// The cause.
        reason: ForeignText,
    },
    /// The proxy that is configured for this server failed, not the server.
    #[error("the proxy {proxy} {reason}")]
    Proxy {
        /// Host and port of the proxy.
        proxy: String,
        /// The cause.
        reason: ForeignText,
    },
    /// It broke off.
    #[error("{reason}")]
    Broken {
        /// The cause.
        reason: ForeignText,
    },
    /// The server is well, but the one that it redirects to is not.
    #[error("it redirects to {host}, and there: {cause}")]
    Elsewhere {
        /// The host that it redirects to.
        host: ForeignText,
        /// What failed there.
        cause: Box<RequestError>,
    },
}

impl RequestError {
    /// Whether the server itself, or its proxy, could not be connected to. Others behind it do not count.
    pub fn is_connect(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. } | Self::ConnectTimeout | Self::Proxy { .. } | Self::Refused(_)
        )
    }

    /// Whether a time limit was over at the server itself.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout | Self::ConnectTimeout)
    }

    /// Reads what the HTTP library says. `proxy` is the one that was in between.
    pub(super) fn read(error: &reqwest::Error, proxy: Option<String>) -> Self {
        if error.is_timeout() {
            return if error.is_connect() {
                Self::ConnectTimeout
            } else {
                Self::Timeout
            };
        }
        if error.is_builder() {
            return Self::Invalid;
        }
        if let Some(refused) = find::<Refused>(error) {
            return Self::Refused(refused.clone());
        }
        let reason = ForeignText::new(&reason(error));
        match proxy {
            _ if !error.is_connect() => Self::Broken { reason },
            // Behind the proxy is the server, which is who speaks TLS.
            Some(proxy) if find::<rustls::Error>(error).is_none() => {
                // The client for SOCKS keeps the cause to itself, but for this text.
                let silent = find::<io::Error>(error).is_some() || reason.as_str().ends_with(NO_CONNECTION);
                let verb = if silent {
                    "does not answer"
                } else {
                    "does not let it through"
                };
                let reason = ForeignText::new(&format!("{verb}: {}", reason.as_str()));
                Self::Proxy { proxy, reason }
            }
            _ => Self::Connect { reason },
        }
    }
}

/// Why reading an answer failed, without its URL: the innermost cause, where the reason stands.
pub fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return RequestError::Timeout.to_string();
    }
    if let Some(refused) = find::<Refused>(error) {
        return refused.to_string();
    }
    if let Some(error) = find::<rustls::Error>(error) {
        return tls::words(error);
    }
    let Some(mut innermost) = error.source() else {
        return "the request failed".to_owned();
    };
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// The first error of type `T` among `error` and its causes.
fn find<T: Error + 'static>(error: &reqwest::Error) -> Option<&T> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An io::Error hides the error that it is made from: it gives only the cause of that.
        let hidden = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = match hidden {
            Some(hidden) => Some(hidden),
            None => error.source(),
        };
    }
    None
}
