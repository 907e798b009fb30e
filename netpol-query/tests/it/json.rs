//! The JSON of the contract, byte by byte.

use netpol_query::render::Format;

use crate::shop;

fn check(sentence: &str, expected: &str) {
    let mut session = shop::session().with_namespace(Some("shop".into()));
    let text = shop::rendered(&mut session, sentence, Format::Jsonl);
    let expected: String = expected.lines().map(str::trim).collect();
    let line = text.lines().next().unwrap();
    assert_eq!(line, expected, "{sentence}");
}

#[test]
fn can_carries_rows_with_reasons() {
    check(
        "can frontend reach db on tcp/5432",
        r#"{"schema":"netpol-query/v1","query":"can frontend reach db on tcp/5432","result":"YES","rows":[{
        "src":{"id":"shop/deployment/frontend","type":"workload","namespace":"shop","kind":"Deployment","name":"frontend"},
        "dst":{"id":"shop/statefulset/db","type":"workload","namespace":"shop","kind":"StatefulSet","name":"db"},
        "verdict":"ALLOW","ports":[{"protocol":"TCP","from":5432,"to":5432}],"pairs":{"matching":2,"total":2},
        "reasons":[
        {"code":"NOT_ISOLATED","direction":"egress","ports":[{"protocol":"TCP","from":5432,"to":5432}],"policy":null,
        "rule":null,"rule_name":null,"file":null,"line":null,"message":"no policy isolates frontend on egress"},
        {"code":"ALLOWED_BY_RULE","direction":"ingress","ports":[{"protocol":"TCP","from":5432,"to":5432}],
        "policy":{"kind":"NetworkPolicy","namespace":"shop","name":"db"},"rule":0,"rule_name":null,"file":"shop.yaml",
        "line":108,"message":"netpol/db ingress[0] allows app=web on tcp/5432"}]}],"warnings":[]}"#,
    );
}

#[test]
fn flows_carry_no_reasons() {
    check(
        "flows from probe to 10.0.0.8 on tcp",
        r#"{"schema":"netpol-query/v1","query":"flows from probe to 10.0.0.8 on tcp","result":"ROWS","rows":[{
        "src":{"id":"shop/pod/probe","type":"workload","namespace":"shop","kind":"Pod","name":"probe"},
        "dst":{"id":"external:10.0.0.8","type":"external","ranges":["10.0.0.8"]},
        "verdict":"ALLOW","ports":[{"protocol":"TCP","from":1,"to":65535}],"pairs":{"matching":1,"total":1}}],
        "warnings":[]}"#,
    );
}

#[test]
fn a_part_of_a_workload_is_listed_by_pods() {
    check(
        "resolve frontend-1",
        r#"{"schema":"netpol-query/v1","query":"resolve frontend-1","result":"ROWS","rows":[{"endpoint":{
        "id":"shop/pod/frontend-1","type":"pod","namespace":"shop","kind":"Pod","name":"frontend-1",
        "workload":"shop/deployment/frontend"}}],"warnings":[]}"#,
    );
}

#[test]
fn counts_lists_and_policies_have_their_forms() {
    check(
        "count pods in shop",
        r#"{"schema":"netpol-query/v1","query":"count pods in shop","result":"ROWS","rows":[],"count":5,"warnings":[]}"#,
    );
    check(
        "list unprotected in frontend in shop",
        r#"{"schema":"netpol-query/v1","query":"list unprotected in frontend in shop","result":"ROWS","rows":[
        {"endpoint":{"id":"shop/deployment/frontend","type":"workload","namespace":"shop","kind":"Deployment",
        "name":"frontend"},"directions":["ingress"]}],"warnings":[]}"#,
    );
    check(
        "list policies in pay",
        r#"{"schema":"netpol-query/v1","query":"list policies in pay","result":"ROWS","rows":[
        {"policy":{"kind":"NetworkPolicy","namespace":"pay","name":"closed"},"file":"shop.yaml","line":112}],
        "warnings":[]}"#,
    );
    check(
        "flows to ns/pay | count",
        r#"{"schema":"netpol-query/v1","query":"flows to ns/pay | count","result":"ROWS","rows":[],"count":0,"warnings":[]}"#,
    );
}

#[test]
fn expectations_carry_pass_and_because() {
    check(
        "expect ns/pay cannot reach ns/dev because \"apart\"",
        r#"{"schema":"netpol-query/v1","query":"expect ns/pay cannot reach ns/dev because \"apart\"","result":"NO",
        "pass":true,"because":"apart","rows":[{
        "src":{"id":"pay/deployment/gateway","type":"workload","namespace":"pay","kind":"Deployment","name":"gateway"},
        "dst":{"id":"dev/deployment/frontend","type":"workload","namespace":"dev","kind":"Deployment","name":"frontend"},
        "verdict":"DENY","ports":[{"protocol":"SCTP","from":1,"to":65535},{"protocol":"TCP","from":1,"to":65535},
        {"protocol":"UDP","from":1,"to":65535}],"pairs":{"matching":1,"total":1},"reasons":[
        {"code":"NO_RULE_MATCHES","direction":"egress","ports":[{"protocol":"SCTP","from":1,"to":65535},
        {"protocol":"TCP","from":1,"to":65535},{"protocol":"UDP","from":1,"to":65535}],
        "policy":{"kind":"NetworkPolicy","namespace":"pay","name":"closed"},"rule":null,"rule_name":null,
        "file":"shop.yaml","line":112,"message":"netpol/closed isolates gateway; has no egress rule"},
        {"code":"NOT_ISOLATED","direction":"ingress","ports":[{"protocol":"SCTP","from":1,"to":65535},
        {"protocol":"TCP","from":1,"to":65535},{"protocol":"UDP","from":1,"to":65535}],"policy":null,"rule":null,
        "rule_name":null,"file":null,"line":null,"message":"no policy isolates frontend on ingress"}]}],"warnings":[]}"#,
    );
}

#[test]
fn errors_have_their_code_span_and_help() {
    check(
        "can frontent reach db",
        r#"{"schema":"netpol-query/v1","query":"can frontent reach db","error":{"code":"NO_SUCH_ENDPOINT",
        "message":"no workload, pod or service is called `frontent`","span":[4,12],
        "help":"did you mean `frontend` (shop/deploy/frontend)?"}}"#,
    );
    check(
        "can frontend raech db",
        r#"{"schema":"netpol-query/v1","query":"can frontend raech db","error":{"code":"SYNTAX",
        "message":"expected `reach`, found `raech`","span":[13,18],"help":"did you mean `reach`?"}}"#,
    );
}

#[test]
fn grouped_rows_are_objects_of_their_columns() {
    check(
        "flows from ns/shop to db on 5432 | group by src.kind, verdict",
        r#"{"schema":"netpol-query/v1","query":"flows from ns/shop to db on 5432 | group by src.kind, verdict",
        "result":"ROWS","rows":[{"src.kind":"Deployment","verdict":"ALLOW","count":1}],"warnings":[]}"#,
    );
}
