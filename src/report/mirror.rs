//! The words of the document are those of the floors below, value by value:
//! what a stage, a side or a certainty is called stands there, once.

use super::document::{Certainty, Outcome, Side, Stage, Tie, Visibility};
use crate::findings::attempts;
use crate::{base, findings, session};

macro_rules! mirror {
    ($ours:ty, $theirs:ty, [$($value:ident),+ $(,)?]) => {
        impl From<$theirs> for $ours {
            fn from(value: $theirs) -> Self {
                match value {
                    $(<$theirs>::$value => Self::$value,)+
                }
            }
        }

        impl From<$ours> for $theirs {
            fn from(value: $ours) -> Self {
                match value {
                    $(<$ours>::$value => Self::$value,)+
                }
            }
        }
    };
}

/// The name of a value in reports, which is that of the floor below.
macro_rules! named {
    ($($ours:ty = $theirs:ty),+ $(,)?) => {$(
        impl $ours {
            /// The name in the report.
            #[must_use]
            pub fn name(self) -> &'static str {
                <$theirs>::from(self).name()
            }
        }
    )+};
}

mirror!(Side, base::Side, [Client, Server]);
mirror!(Certainty, base::Certainty, [Possible, Likely, Proven]);
mirror!(Visibility, base::Visibility, [Inferred, Decrypted, Clear]);
mirror!(Stage, session::Stage, [Tcp, X224, Tls, Credssp, Mcs, Licensing, Activation, Active]);
mirror!(Outcome, findings::Outcome, [Active, Failed, Abandoned, Open, Unknown]);
mirror!(Tie, attempts::Tie, [ProtocolFallback, Prompt, CredentialsRetry, Redirection, AutomaticRetry, SeenTwice]);

named!(Side = base::Side, Certainty = base::Certainty, Stage = session::Stage, Outcome = findings::Outcome);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_json() {
        let stages = session::Stage::ALL.map(Stage::from);
        for stage in stages {
            assert_eq!(serde_json::to_value(stage).unwrap(), stage.name());
        }
        for certainty in [Certainty::Possible, Certainty::Likely, Certainty::Proven] {
            assert_eq!(serde_json::to_value(certainty).unwrap(), certainty.name());
        }
        for outcome in [Outcome::Active, Outcome::Failed, Outcome::Abandoned, Outcome::Open, Outcome::Unknown] {
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.name());
        }
        for side in [Side::Client, Side::Server] {
            assert_eq!(serde_json::to_value(side).unwrap(), side.name());
        }
    }
}
