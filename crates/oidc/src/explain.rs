//! What every refusal of this crate can tell: a program gets a stable code, a person gets one sentence that
//! says what happened and one that says what to do next.

/// A refusal that explains itself. No part of it ever holds a secret.
pub trait Explain: std::error::Error {
    /// The stable name, in snake case, for a program to branch on.
    fn code(&self) -> &'static str;
    /// One plain sentence that says what happened to you.
    fn message(&self) -> String;
    /// One plain sentence that says what to do next.
    fn hint(&self) -> String;
}

/// Makes types that have `code`, `message` and `hint` of their own into errors that display their message.
macro_rules! explained {
    ($($name:ty),* $(,)?) => {$(
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.message())
            }
        }

        impl std::error::Error for $name {}

        impl $crate::explain::Explain for $name {
            fn code(&self) -> &'static str {
                <$name>::code(self)
            }

            fn message(&self) -> String {
                <$name>::message(self)
            }

            fn hint(&self) -> String {
                <$name>::hint(self)
            }
        }
    )*};
}

pub(crate) use explained;

#[cfg(test)]
mod tests;
