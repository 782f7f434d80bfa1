//! Text to configuration and back: FRR's language on a value of fixed size.

mod model;

pub use model::*;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_has_the_size_it_may_have() {
        let (appliance, linux) =
            (size_of::<Config<4, 8>>(), size_of::<Config<64, 256, 16_384, 4_096, 65_535>>());
        std::println!("Config<4, 8> {appliance}, a Linux Config {linux}");
        std::println!(
            "Config<2, 4> {}, rule {}, route {}, neighbor {}, service {}, check {}",
            size_of::<Config<2, 4>>(),
            size_of::<Rule>(),
            size_of::<Route>(),
            size_of::<Neighbor>(),
            size_of::<Service>(),
            size_of::<Check>()
        );
        assert!(appliance <= 8 << 10);
        assert!(linux <= 1 << 20);
        assert!(size_of::<Route>() <= 32);
    }
}
