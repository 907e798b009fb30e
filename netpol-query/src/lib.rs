//! Asks what Kubernetes network policies allow, in sentences.
//!
//! Modules in reading order: [`syntax`] (text into a tree with spans), [`lower`] (names into ids, a plan), [`execute`]
//! (a plan and a snapshot into an answer, plain data), [`render`] (answers as text and data), [`session`] (a line in,
//! replies out), [`shell`] (commands, completion and colours of an interactive session) and [`cli`] (arguments, streams, exit codes), with [`error`], [`kinds`] and [`reply`] for them all;
//! [`convert`] rewrites admin policies.
//!
//! # Examples
//!
//! ```
//! use netpol_core::model::Dialect;
//! use netpol_core::reach::Snapshot;
//! use netpol_core::sources::{LoadOptions, Source, load};
//! use netpol_query::execute::{Body, Outcome, Settings};
//! use netpol_query::session::Session;
//!
//! let pods = "{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop}}\n---\n\
//!             {apiVersion: v1, kind: Pod, metadata: {name: db, namespace: shop}}\n";
//! let source = Source::Bytes { name: "pods.yaml".into(), bytes: pods.as_bytes().into() };
//! let loaded = load(&[source], &LoadOptions::default());
//! let mut session = Session::new(Snapshot::new(loaded.cluster, Dialect::spec()), Settings::default());
//! let replies = session.text("can web reach db on tcp/5432");
//! let answer = replies[0].result.as_ref().unwrap();
//! assert!(matches!(&answer.body, Body::Verdict(v) if v.outcome == Outcome::Yes));
//! ```
#![forbid(unsafe_code)]

mod bounded;
pub mod cli;
pub mod convert;
pub mod error;
pub mod execute;
pub mod kinds;
pub mod lower;
pub mod origin;
pub mod render;
pub mod reply;
pub mod session;
pub mod shell;
pub mod syntax;
