//! A checker that cannot fail is worth nothing: gateways are made to spoil their deliveries, each in
//! another way, and each way has to be called by its name.

use std::time::Duration;

use callboard_loadtest::{
    fault::Fault,
    run::{Plan, run},
    target::{Settings, Target, binary},
    verdict::{Verdict, Violation},
    world::Size,
};

fn plan() -> Plan {
    Plan {
        size: Size {
            clients: 60,
            slow: 0,
            backoff: 0.1,
            seed: 7,
        },
        rate: 60,
        load: Duration::from_secs(2),
        hold: Duration::ZERO,
        patience: Duration::from_secs(15),
    }
}

async fn checked(sabotage: &str) -> anyhow::Result<Verdict> {
    let settings = Settings {
        ping_interval: Duration::from_secs(5),
        ping_timeout: Duration::from_secs(15),
        more: vec![("CALLBOARD_SABOTAGE".to_owned(), sabotage.to_owned())],
    };
    let mut target = Target::dev(&binary()?, &settings).await?;
    let report = run(&mut target, Fault::None, &plan()).await?;
    target.stop().await?;
    assert!(report.verdict.acknowledged > 0 && report.verdict.delivered > 0);
    Ok(report.verdict)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sabotage_is_called_by_its_name() -> anyhow::Result<()> {
    let (honest, drop, double, reorder, leak) = tokio::try_join!(
        Box::pin(checked("")),
        Box::pin(checked("drop")),
        Box::pin(checked("double")),
        Box::pin(checked("reorder")),
        Box::pin(checked("leak")),
    )?;
    assert!(honest.is_good(), "{:#?}", honest.examples);
    for (sabotage, verdict, violation) in [
        ("drop", drop, Violation::Undelivered),
        ("double", double, Violation::Doubled),
        ("reorder", reorder, Violation::Reordered),
        ("leak", leak, Violation::Stranger),
    ] {
        let named = verdict.count(&[violation]);
        println!("{sabotage}: {:?}", verdict.violations);
        assert!(
            named > 0,
            "{sabotage} was not noticed; was callboard built with --all-features? {:#?}",
            verdict.examples
        );
    }
    Ok(())
}
