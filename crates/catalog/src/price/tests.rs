use proptest::prelude::*;

use super::*;

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn total(price_text: &str, used: &Metered) -> Option<u64> {
    price(price_text).charge(used).map(|bill| bill.total.pico())
}

#[test]
fn a_price_list_is_read_as_it_is_written() {
    let text = "in=3 in>200000=6 in@batch=1.5 out=15 cached=0.3 write=3.75 write1h=6 \
                second-in=0.0001 image=0.04 image~:1024x1792=0.08 image~hd:1024x1024=0.08 \
                web-search~low=0.005";
    assert_eq!(price(text).to_string(), text);
}

#[test]
fn a_price_that_is_fixed_is_the_only_one_of_its_kind() {
    let mut list = price("in=3 in>200000=6 in@batch=1.5 out=15 cached=0.3 write=3.75 image=0.04");
    list.fix(Unit::Input, Amount::of_pico(2_500_000));
    assert_eq!(list.to_string(), "in=2.5 out=15 image=0.04");
    list.fix(Unit::CacheRead, Amount::of_pico(0));
    assert_eq!(list.to_string(), "in=2.5 out=15 cached=0 image=0.04");
}

#[test]
fn what_is_no_price_is_said() {
    for (text, message) in [
        ("in", "`in` is not a price such as in=2.5"),
        (
            "inn=1",
            "`inn` is not a unit of prices such as in, out, cached, image",
        ),
        (
            "in@slow=1",
            "`slow` is not a service tier, expected standard, batch, flex or priority",
        ),
        ("in>many=1", "`many` is not a number of tokens"),
        ("in=-1", "`-1` is below zero; a price is zero or more"),
        ("in=1e13", "`1e13` is too large"),
    ] {
        assert_eq!(text.parse::<Price>().unwrap_err().to_string(), message);
    }
}

#[test]
fn c5_reasoning_is_inside_the_output_and_charged_once() {
    let used = Metered {
        output: 1_000_000,
        reasoning: 800_000,
        ..Metered::default()
    };
    assert_eq!(total("in=2 out=10", &used), Some(10_000_000_000_000));
    // With a price of its own it is charged by that, and the rest as output.
    assert_eq!(
        total("in=2 out=10 reasoning=5", &used),
        Some(6_000_000_000_000)
    );
    let odd = Metered {
        output: 1,
        reasoning: 5,
        ..Metered::default()
    };
    assert_eq!(total("out=10 reasoning=5", &odd), Some(5_000_000));
}

#[test]
fn c11_long_prompts_caches_and_tiers_have_their_prices() {
    let list = "in=3 in>200000=6 out=15 out>200000=22.5 cached=0.3 cached>200000=0.6 \
                write=3.75 write1h=6 in@batch=1.5 out@batch=7.5 in@flex=1";
    let short = Metered {
        uncached_in: 100_000,
        cache_read: 100_000,
        output: 10,
        ..Metered::default()
    };
    let long = Metered {
        uncached_in: 100_001,
        ..short.clone()
    };
    // 100,000 × 3 + 100,000 × 0.3 + 10 × 15, in micro-dollars.
    assert_eq!(total(list, &short), Some(330_150_000_000));
    // 100,001 × 6 + 100,000 × 0.6 + 10 × 22.5.
    assert_eq!(total(list, &long), Some(660_231_000_000));
    let written = Metered {
        cache_write_5m: 1000,
        cache_write_1h: 1000,
        ..Metered::default()
    };
    assert_eq!(total(list, &written), Some(9_750_000_000));
    let batch = Metered {
        service: Service::Batch,
        ..short.clone()
    };
    let bill = price(list).charge(&batch).unwrap();
    // The cache has no batch price, so it is charged at the standard one, and that is said.
    assert_eq!(
        bill.total.pico(),
        150_000_000_000 + 30_000_000_000 + 75_000_000
    );
    assert!(bill.estimated);
    assert_eq!(bill.service, Service::Standard);
}

#[test]
fn a_service_without_prices_is_charged_as_standard_and_marked() {
    let used = Metered {
        uncached_in: 10,
        service: Service::Priority,
        ..Metered::default()
    };
    let bill = price("in=1").charge(&used).unwrap();
    assert_eq!((bill.total.pico(), bill.estimated), (10_000_000, true));
    let bill = price("in=1 in@priority=2").charge(&used).unwrap();
    assert_eq!((bill.total.pico(), bill.estimated), (20_000_000, false));
    assert_eq!(bill.service, Service::Priority);
}

#[test]
fn case_34_an_image_by_the_piece_wins_over_tokens_and_no_usage_is_unpriced() {
    let with_usage = Metered {
        images: 2,
        image_out: 4000,
        uncached_in: 50,
        ..Metered::default()
    };
    let without = Metered {
        images: 2,
        ..Metered::default()
    };
    let tile = "in=5 image-out=40 image=0.04";
    assert_eq!(total(tile, &with_usage), Some(80_000_000_000));
    let tokens = "in=5 image-out=40";
    assert_eq!(total(tokens, &with_usage), Some(160_250_000_000));
    assert_eq!(total(tokens, &without), None);
}

#[test]
fn an_image_is_charged_by_the_nearest_kind_that_has_a_price() {
    let list = "image=0.04 image~hd=0.08 image~:1024x1792=0.09 image~hd:1024x1792=0.12";
    for (quality, size, pico) in [
        ("", "", 40_000_000_000),
        ("hd", "", 80_000_000_000),
        ("hd", "1024x1024", 80_000_000_000),
        ("standard", "1024x1792", 90_000_000_000),
        ("hd", "1024x1792", 120_000_000_000),
    ] {
        let used = Metered {
            images: 1,
            image_kind: ImageKind {
                size: size.into(),
                quality: quality.into(),
            },
            ..Metered::default()
        };
        assert_eq!(total(list, &used), Some(pico), "{quality} {size}");
    }
}

#[test]
fn c9_each_kind_of_call_is_charged_by_its_own_measure() {
    let of = |list: &str, fill: fn(&mut Metered)| {
        let mut used = Metered::default();
        fill(&mut used);
        total(list, &used)
    };
    // A minute and a half at $0.006 a minute.
    assert_eq!(
        of("second-in=0.0001", |used| used.millis_in = 90_000),
        Some(9_000_000_000)
    );
    assert_eq!(
        of("char-in=15", |used| used.characters = 1000),
        Some(15_000_000_000)
    );
    assert_eq!(
        of("search=0.002", |used| used.searches = 2),
        Some(4_000_000_000)
    );
    let ranked = |used: &mut Metered| {
        used.searches = 1;
        used.uncached_in = 500;
    };
    assert_eq!(of("in=0 out=0 search=0.002", ranked), Some(2_000_000_000));
    assert_eq!(of("in=0.02", ranked), Some(10_000_000));
    assert_eq!(of("page=0.001", |used| used.pages = 3), Some(3_000_000_000));
    // What has no known price is unknown, not free.
    assert_eq!(of("", |used| used.characters = 1000), None);
    assert_eq!(of("in=1", |used| used.searches = 1), None);
    assert_eq!(of("in=1", |used| used.output = 1), None);
    // Tokens that are counted are what the vendor charges by.
    let transcribed = |used: &mut Metered| {
        used.audio_in = 100;
        used.millis_in = 5000;
    };
    assert_eq!(
        of("in=2.5 audio-in=6 second-in=0.0001", transcribed),
        Some(600_000_000)
    );
    assert_eq!(of("second-in=0.0001", transcribed), Some(500_000_000));
}

#[test]
fn searches_and_fees_come_on_top() {
    let used = Metered {
        uncached_in: 1000,
        web_searches: 3,
        requests: 1,
        ..Metered::default()
    };
    assert_eq!(
        total("in=1 web-search=0.01 request=0.005", &used),
        Some(1_000_000_000 + 30_000_000_000 + 5_000_000_000)
    );
    // A search without a known price is left out, and that is said.
    let bill = price("in=1").charge(&used).unwrap();
    assert_eq!((bill.total.pico(), bill.estimated), (1_000_000_000, true));
}

#[test]
fn an_unpriced_cache_saves_nothing() {
    let used = Metered {
        uncached_in: 10,
        cache_read: 10,
        cache_write_1h: 10,
        ..Metered::default()
    };
    assert_eq!(total("in=1 out=2", &used), Some(30_000_000));
}

#[test]
fn an_expected_cost_is_the_same_function() {
    let list = price("in=2 out=8 cached=0.5 request=0.001");
    let expected = list.expected(1000, 400, 100).unwrap();
    assert_eq!(
        expected.pico(),
        1_200_000_000 + 200_000_000 + 800_000_000 + 1_000_000_000
    );
    assert_eq!(
        list.expected(10, 400, 0).unwrap().pico(),
        5_000_000 + 1_000_000_000
    );
}

proptest! {
    #[test]
    fn no_text_panics_and_what_is_read_is_written_the_same(text in "[a-z0-9=>@~:. -]{0,60}") {
        if let Ok(read) = text.parse::<Price>() {
            prop_assert_eq!(read.to_string().parse::<Price>(), Ok(read));
        }
    }

    #[test]
    fn a_bill_is_the_sum_of_its_lines(
        input in 0..u64::MAX, output in 0..u64::MAX, reasoning in 0..u64::MAX, cached in 0..u64::MAX,
    ) {
        let used = Metered {
            uncached_in: input, output, reasoning, cache_read: cached, ..Metered::default()
        };
        let bill = price("in=3 in>200000=6 out=15 cached=0.3 reasoning=9").charge(&used).unwrap();
        let sum: PicoUsd = bill.lines.iter().map(|line| line.amount).sum();
        prop_assert_eq!(bill.total, sum);
    }
}
