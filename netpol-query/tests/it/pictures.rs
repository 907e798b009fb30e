//! Graphs, pictures, pages and files.

use std::path::PathBuf;
use std::process::Command;

use netpol_query::execute::Settings;
use netpol_query::render::Format;
use netpol_query::session::Session;

use crate::matrix::{many, session_on};
use crate::program::program;
use crate::shop;

const HOSTILE: &str = "
---
{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, labels: {app: web}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: db, namespace: shop, labels: {app: db}}}
---
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: hostile}
spec:
  priority: 1
  subject: {namespaces: {}}
  ingress:
  - {name: \"</script><script>alert(1)</script><!-- & \\u2028 '\\\"\", action: Allow, from: [{namespaces: {}}]}
";

fn page_settings() -> Settings {
    Settings { page: true, ..Settings::default() }
}

fn hostile(settings: Settings) -> Session {
    session_on(HOSTILE, settings)
}

#[test]
fn a_graph_is_framed_by_namespace() {
    let mut session = session_on(&many(2, 2), Settings::default());
    let dot = shop::rendered(&mut session, "flows from pods to pods", Format::Dot);
    assert!(dot.contains("subgraph cluster_1 {\n    label=\"team-b\";"), "{dot}");
    assert!(dot.contains("\"team-b/pod/pod0\" -> \"team-a/pod/pod0\" [label=\"80\"];"), "{dot}");
    let mermaid = shop::rendered(&mut session, "flows from pods to pods", Format::Mermaid);
    assert!(mermaid.contains("  subgraph f0[\"team-a\"]\n    n"), "{mermaid}");
    let svg = shop::rendered(&mut session, "flows from pods to pods", Format::Svg);
    assert_eq!(svg.matches("class=\"frame\"").count(), 2, "{svg}");
    assert_eq!(svg.matches("<g class=\"node object\"").count(), 4, "{svg}");
}

#[test]
fn a_graph_of_more_than_forty_nodes_is_folded_and_says_so() {
    let mut session = session_on(&many(4, 10), Settings::default());
    let whole = shop::rendered(&mut session, "flows from pods to pods", Format::Svg);
    assert_eq!(whole.matches("<g class=\"node object\"").count(), 40, "forty are shown");
    let mut session = session_on(&many(4, 11), Settings::default());
    let folded = shop::rendered(&mut session, "flows from pods to pods", Format::Svg);
    assert_eq!(folded.matches("<g class=\"node namespace\"").count(), 4, "{folded}");
    assert!(folded.contains("44 nodes are folded to one a namespace"), "{folded}");
    let dot = shop::rendered(&mut session, "flows from pods to pods", Format::Dot);
    assert!(dot.contains("44 nodes are folded") && dot.contains("\"namespace/team-d\""), "{dot}");
}

#[test]
fn nodes_and_frames_never_overlap() {
    for (namespaces, pods) in [(1, 1), (2, 7), (9, 4), (12, 3)] {
        let mut session = session_on(&many(namespaces, pods), Settings::default());
        let svg = shop::rendered(&mut session, "flows", Format::Svg);
        for class in ["<g class=\"node", "<rect class=\"frame\""] {
            let found: Vec<[i32; 4]> = svg
                .lines()
                .filter(|l| l.contains(class))
                .map(|l| ["x", "y", "width", "height"].map(|name| number(l, name)))
                .collect();
            assert!(!found.is_empty());
            for (i, a) in found.iter().enumerate() {
                for b in &found[i + 1..] {
                    let apart = a[0] + a[2] <= b[0]
                        || b[0] + b[2] <= a[0]
                        || a[1] + a[3] <= b[1]
                        || b[1] + b[3] <= a[1];
                    assert!(apart, "{namespaces} × {pods}: {a:?} and {b:?}");
                }
            }
        }
    }
}

/// Reads a number attribute of the first rectangle of a line.
fn number(line: &str, name: &str) -> i32 {
    let rect = &line[line.find("<rect").unwrap()..];
    let at = rect.find(&format!(" {name}=\"")).unwrap() + name.len() + 3;
    rect[at..].split('"').next().unwrap().parse().unwrap()
}

#[test]
fn equal_input_gives_equal_pictures() {
    for format in [Format::Dot, Format::Mermaid, Format::Svg, Format::Html] {
        let mut texts = (0..2).map(|_| {
            let mut session = session_on(&many(5, 4), page_settings());
            shop::rendered(&mut session, "flows", format)
        });
        assert_eq!(texts.next(), texts.next());
    }
}

#[test]
fn a_form_that_an_answer_cannot_take_is_refused_with_those_it_can() {
    let mut session = shop::session();
    for (sentence, form, known) in [
        ("count pods", Format::Svg, "it can be text, wide, json, jsonl, yaml, csv, markdown"),
        ("matrix", Format::Dot, "csv, markdown, svg, html"),
        ("flows", Format::Sarif, "markdown, dot, mermaid, svg, html"),
    ] {
        let text = shop::rendered(&mut session, sentence, form);
        assert!(text.starts_with("error: this answer has no form as"), "{text}");
        assert!(text.contains(known), "{text}");
    }
    let text = shop::rendered(&mut session, "list pods | as svg", Format::Text);
    assert!(text.starts_with("error: this answer has no form as svg"), "{text}");
}

#[test]
fn nothing_that_objects_say_becomes_markup_or_script() {
    let mut session = hostile(page_settings());
    let html = shop::rendered(&mut session, "flows from web to db", Format::Html);
    assert!(html.contains("\\u003c/script\\u003e"), "the rule's name is in the data:\n{html}");
    assert_eq!(html.matches("</script>").count(), 2, "{html}");
    assert_eq!(html.matches("<script").count(), 2, "{html}");
    assert!(!html.contains("alert(1)</script>") && !html.contains('\u{2028}'));
    for form in [Format::Svg, Format::Html] {
        let title = "flows from pods to pods # </svg><script>alert(2)</script>";
        let text = shop::rendered(&mut session, title, form);
        assert!(!text.contains("<script>alert(2)"), "{text}");
    }
    let html = shop::rendered(&mut session, "export report", Format::Html);
    assert_eq!(html.matches("<script").count(), 2, "{html}");
}

#[test]
fn a_picture_holds_no_script_and_a_page_loads_nothing() {
    let mut session = session_on(&many(3, 3), page_settings());
    for sentence in ["flows", "matrix"] {
        let svg = shop::rendered(&mut session, sentence, Format::Svg);
        assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"));
        assert!(!svg.contains("<script") && !svg.contains("href") && !svg.contains("url("));
        let html = shop::rendered(&mut session, sentence, Format::Html);
        assert!(html.contains("default-src 'none'"));
        let loads = [" src=\"", "<link", "@import", "url("];
        assert!(loads.iter().all(|l| !html.contains(l)), "{html}");
    }
}

#[test]
fn a_page_says_why() {
    let mut session = session_on(&many(2, 2), Settings::default());
    let html =
        shop::rendered(&mut session, "flows from ns/team-b to ns/team-a | as html", Format::Text);
    assert!(html.contains("\"policy\":\"team-a/netpol/closed\",\"place\":\"own.yaml:"), "{html}");
    let html = shop::rendered(&mut session, "matrix to ns/team-a | as html", Format::Text);
    assert!(html.contains("NO_RULE_MATCHES") || html.contains("NEAR_MISS"), "{html}");
}

#[test]
fn a_page_bounds_its_rows_and_says_so() {
    let mut session = session_on(&many(13, 7), page_settings());
    let html = shop::rendered(&mut session, "flows", Format::Html);
    assert!(html.contains("the first 5000 of "), "{}", html.len());
    assert!(html.contains(" rows say why; ask about fewer pairs"), "{}", html.len());
}

#[test]
fn exports_choose_their_form_by_the_extension() {
    let dir = std::env::temp_dir().join(format!("netpol-export-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    for (what, file, begins) in [
        ("graph", "g.svg", "<svg "),
        ("graph", "g.html", "<!doctype html>"),
        ("graph", "g.dot", "digraph "),
        ("graph", "g.mmd", "%% "),
        ("matrix", "m.csv", "src \\ dst,"),
        ("matrix", "m.md", "| src "),
        ("report", "r.html", "<!doctype html>"),
        ("policies", "p.csv", "kind,namespace,name,file,line"),
        ("snapshot", "s.yaml", "---\nschema: netpol-query/v1"),
    ] {
        let path = dir.join(file);
        let sentence = format!("export {what} to \"{}\"", path.display());
        for _ in 0..2 {
            let ran = program(&["-f", "-", &sentence], shop::SHOP);
            assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{sentence}: {}", ran.err);
            assert!(ran.err.contains("wrote "), "{}", ran.err);
        }
        let text = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
        assert!(text.starts_with(begins), "{sentence}: {}", &text[..60.min(text.len())]);
    }
    let path = dir.join("j.svg");
    let sentence = format!("export graph to \"{}\"", path.display());
    let ran = program(&["-f", "-", "-o", "jsonl", &sentence], shop::SHOP);
    let value: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(value["export"]["path"], path.to_string_lossy().as_ref());
    assert_eq!(value["export"]["format"], "svg");
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn an_export_that_cannot_be_is_a_usage_error() {
    for (sentence, said) in [
        ("export matrix to ./x.dot", "`matrix` has no form as .dot"),
        ("export graph to ./x", "does not say its form by an extension"),
        ("export graph to git:HEAD", "is no file to write to"),
        ("export graph to ./no/such/folder/x.svg", "cannot be written"),
    ] {
        let ran = program(&["-f", "-", "-o", "jsonl", sentence], shop::SHOP);
        assert_eq!(ran.code, 2, "{sentence}: {}", ran.err);
        assert!(ran.err.contains(said), "{sentence}: {}", ran.err);
        let value: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(value["error"]["code"], "USAGE", "{}", ran.out);
    }
}

#[test]
fn an_export_without_a_file_goes_to_standard_output() {
    let mut session = shop::session();
    let graph = shop::rendered(&mut session, "export graph", Format::Text);
    assert!(graph.starts_with("digraph "), "{graph}");
    let graph = shop::rendered(&mut session, "export graph | as svg", Format::Text);
    assert!(graph.starts_with("<svg "), "{graph}");
    let report = shop::rendered(&mut session, "export report", Format::Jsonl);
    let value: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(value["report"]["summary"]["namespaces"], 4, "{report}");
}

/// Opens a page in a browser and returns what it became; says aloud where there is none.
fn opened(html: &str, hash: &str) -> Option<String> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = names.iter().find(|n| Command::new(n).arg("--version").output().is_ok());
    let Some(browser) = found else {
        eprintln!("SKIPPED: 1 test needs chromium");
        return None;
    };
    let name = format!("netpol-page-{}-{}.html", std::process::id(), hash.len());
    let path: PathBuf = std::env::temp_dir().join(name);
    std::fs::write(&path, html).unwrap();
    let done = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000"])
        .arg("--dump-dom")
        .arg(format!("file://{}{hash}", path.display()))
        .output()
        .unwrap();
    std::fs::remove_file(&path).unwrap();
    Some(String::from_utf8_lossy(&done.stdout).into_owned())
}

#[test]
fn a_page_searches_and_explains_in_a_browser() {
    let mut session = session_on(&many(2, 2), page_settings());
    let html = shop::rendered(&mut session, "export report", Format::Html);
    let Some(dom) = opened(&html, "#q=team-a+80&row=1") else { return };
    let rows = dom.split("<table id=\"rows\">").nth(1).unwrap().split("</table>").next().unwrap();
    assert!(rows.contains(">80<") && !rows.contains(">all<"), "only matching rows: {rows}");
    let why = dom.split("<aside id=\"why\"").nth(1).unwrap().split("</aside>").next().unwrap();
    assert!(!why.contains("hidden=\"\""), "the panel is open: {why}");
    assert!(why.contains("team-a/netpol/closed") && why.contains("own.yaml:"), "{why}");
    let cell = opened(&html, "#from=external&to=team-a/pod/pod0").unwrap();
    let why = cell.split("<aside id=\"why\"").nth(1).unwrap().split("</aside>").next().unwrap();
    assert!(why.contains("external → team-a/pod/pod0"), "{why}");
}

#[test]
fn a_hostile_name_stays_text_in_a_browser() {
    let mut session = hostile(page_settings());
    let html = shop::rendered(&mut session, "flows from web to db", Format::Html);
    let Some(dom) = opened(&html, "#row=0&q=db") else { return };
    let why = dom.split("<aside id=\"why\"").nth(1).unwrap().split("</aside>").next().unwrap();
    assert!(!why.contains("<script"), "{why}");
    assert!(why.contains("hostile"), "{why}");
}
