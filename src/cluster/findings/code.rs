//! What can be found, and how grave it is.

use crate::codes::codes;
use crate::severity::Severity;

codes! {
    /// What was found. The names are contract: findings are muted by them. In the order of the names.
    pub enum Code {
        /// A node could not apply the configuration.
        ApplyError = "apply-error",
        /// The clock of a node is wrong.
        ClockSkew = "clock-skew",
        /// Nodes that should tell of LUNs do not, and others do.
        Coverage = "coverage",
        /// One alias is given to several LUNs.
        DuplicateAlias = "duplicate-alias",
        /// Nodes have lost an adapter each, and with them several storage ports that no other node reaches.
        FabricDown = "fabric-down",
        /// All paths through an adapter are down.
        HbaDown = "hba-down",
        /// WWIDs that differ in nothing but case: one of them is likely no LUN.
        IdentityConflict = "identity-conflict",
        /// More paths are active than there are.
        ImpossibleCounts = "impossible-counts",
        /// There are more findings of a code than are told.
        LeftOut = "left-out",
        /// A LUN has lost paths.
        LunDegraded = "lun-degraded",
        /// A LUN has no path, and it is not known whether I/O waits or fails.
        LunFailed = "lun-failed",
        /// A LUN has no path, and I/O fails.
        LunFailedErroring = "lun-failed-erroring",
        /// A LUN has no path, and I/O waits.
        LunFailedQueueing = "lun-failed-queueing",
        /// A node should have a LUN, and has not.
        LunMissing = "lun-missing",
        /// Nothing reliable is known of a LUN.
        LunUnknown = "lun-unknown",
        /// Entries that are no maps.
        MalformedEntry = "malformed-entry",
        /// All paths in use have shown errors.
        Marginal = "marginal",
        /// A node's broadcast is not understood.
        NodeMalformed = "node-malformed",
        /// A node is not there.
        NodeOffline = "node-offline",
        /// A node has not broadcast anything.
        NodeSilent = "node-silent",
        /// A node's broadcast is too old.
        NodeStale = "node-stale",
        /// A node's broadcast had no room for all maps.
        NodeTruncated = "node-truncated",
        /// A node has none of the LUNs that it should have.
        NodeWithoutLuns = "node-without-luns",
        /// A node has fewer paths to LUNs than the others.
        ReducedRedundancy = "reduced-redundancy",
        /// Nodes see different sizes of a LUN.
        SizeMismatch = "size-mismatch",
        /// A node's words for states are not what its numbers say.
        StateDisagrees = "state-disagrees",
        /// A map is suspended.
        Suspended = "suspended",
        /// All paths to a storage port are down.
        TargetDown = "target-down",
        /// States without a name that is known.
        UnrecognizedState = "unrecognized-state",
    }
}

impl Code {
    /// How grave it is. [`Code::LeftOut`] is as grave as what is left out.
    pub fn severity(self) -> Severity {
        match self {
            Code::ApplyError
            | Code::LunFailed
            | Code::LunFailedErroring
            | Code::LunFailedQueueing
            | Code::LunMissing
            | Code::NodeMalformed
            | Code::NodeStale
            | Code::NodeWithoutLuns => Severity::Error,
            Code::Coverage | Code::LeftOut | Code::NodeOffline | Code::StateDisagrees => {
                Severity::Info
            }
            _ => Severity::Warning,
        }
    }
}
