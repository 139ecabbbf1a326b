//! An API's answer that is a refusal. For whoever calls it is an answer like any other; the trace tells it as the end of
//! the call, for what was asked for did not happen.

use http::StatusCode;

use crate::step_up::StepUp;

/// What an API answered instead of doing what it was asked for (RFC 9110 sections 15.5 and 15.6).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the API answered {status}")]
pub struct ApiRefusal {
    /// The status: 4xx or 5xx.
    pub status: StatusCode,
    /// What it wants before it answers, where it said so.
    pub wanted: Option<StepUp>,
}

impl ApiRefusal {
    /// The refusal in an answer; `None` when it is none.
    pub(super) fn of(status: StatusCode, wanted: Option<&StepUp>) -> Option<Self> {
        (status.is_client_error() || status.is_server_error()).then(|| Self {
            status,
            wanted: wanted.cloned(),
        })
    }

    /// The stable name.
    pub(crate) fn code(&self) -> &'static str {
        if self.status.is_server_error() {
            "api_failed"
        } else {
            "api_refused"
        }
    }

    /// What happened.
    pub(crate) fn message(&self) -> String {
        let status = self.status.as_str();
        match (self.status, &self.wanted) {
            (_, Some(wanted)) => format!("The API refused the call with {status}. {wanted}"),
            (StatusCode::UNAUTHORIZED, None) => {
                format!("The API did not take your access token: it answered {status}.")
            }
            (StatusCode::NOT_FOUND | StatusCode::GONE, None) => {
                format!("The API has nothing for you at this address: it answered {status}.")
            }
            (StatusCode::TOO_MANY_REQUESTS, None) => {
                format!("The API was called too often: it answered {status}.")
            }
            (status_code, None) if status_code.is_server_error() => {
                format!("The API failed: it answered {status}.")
            }
            _ => format!("The API refused the call: it answered {status}."),
        }
    }

    /// What to do.
    pub(crate) fn hint(&self) -> &'static str {
        match (self.status, &self.wanted) {
            (_, Some(_)) => {
                "Sign in again for this: the app offers it with the answer, and `tessera call --ask` does it in a terminal."
            }
            (StatusCode::UNAUTHORIZED, None) => {
                "Ask whoever runs the API whether it takes tokens of this provider; signing in again may help."
            }
            (StatusCode::FORBIDDEN, None) => {
                "Ask whoever runs the API for the right to do this, or call it with another account."
            }
            (StatusCode::NOT_FOUND | StatusCode::GONE, None) => "Check the address.",
            (StatusCode::TOO_MANY_REQUESTS, None) => "Wait a while, and call it again.",
            (status, None) if status.is_server_error() => {
                "Try again in a moment; if it stays so, tell whoever runs the API."
            }
            _ => "Look into the answer, where the API may say why, and change the call.",
        }
    }
}
