//! Changes to a [`Snapshot`](crate::reach::Snapshot), and what two snapshots let through differently, with the objects that cause it.
//!
//! # Examples
//!
//! ```
//! use netpol_core::change::{Change, apply, diff};
//! use netpol_core::model::{Cluster, Dialect, ObjectKey, ObjectKind, PodSpec};
//! use netpol_core::reach::Snapshot;
//!
//! let mut builder = Cluster::builder();
//! for name in ["web", "db"] {
//!     builder.pod(PodSpec { namespace: "shop".into(), name: name.into(), ..PodSpec::default() });
//! }
//! let before = Snapshot::new(builder.build()?, Dialect::spec());
//! let db = before.cluster().find_namespace("shop").and_then(|ns| before.cluster().find_pod(ns, "db")).unwrap();
//! let isolate = Change::Isolate { pods: [db.0].into_iter().collect(), direction: None };
//! let after = apply(&before, &[isolate]).unwrap().snapshot;
//! let difference = diff(&before, &after);
//! assert!(difference.rows.iter().all(|row| row.after.is_empty()));
//! let policy = ObjectKey::new(ObjectKind::Policy(netpol_core::model::PolicyKind::NetworkPolicy), "shop", "what-if-isolate-1");
//! assert_eq!(difference.objects[0].key, policy);
//! # Ok::<(), netpol_core::model::BuildError>(())
//! ```

mod adding;
mod apply;
mod causes;
mod diff;
mod ends;
mod objects;
mod outside;
mod rectangles;
mod rows;

pub use apply::{Applied, Change, ChangeError, apply};
pub use diff::{Difference, diff};
pub use objects::{Aspect, ChangeKind, ObjectChange};
pub use rectangles::Rectangle;
pub use rows::{Cause, DiffEnd, DiffRow, RowChange, moved};
