//! What an approval and a rule are bound to: the thing itself, not one of its names.

use std::os::unix::fs::symlink;

use serde_json::json;

use crate::support::{World, desktop_and};

#[test]
fn a_rule_about_a_package_holds_for_it_with_an_architecture_too() {
    let policy = desktop_and(
        "[[rule]]\nid = \"no-badpkg\"\nactions = [\"package_install\", \"package_remove\"]\ndecision = \"deny\"\nfloor = true\nargs.packages = { in = [\"badpkg\"] }\n",
    );
    let world = World::new(&policy);
    for name in ["badpkg", "badpkg:amd64", "vim,badpkg:amd64"] {
        assert_eq!(world.ask("package_install", name)["status"], json!("deny"), "{name}");
        assert_eq!(world.ask("package_remove", name)["status"], json!("deny"), "{name}");
    }
    let args = world.call("package_install", json!({ "packages": ["badpkg:amd64"] }));
    assert_eq!(args["status"], json!("deny"), "{args}");
}

#[test]
fn an_approved_folder_is_listed_and_not_the_one_that_its_link_leads_to_now() {
    let policy = desktop_and("[[rule]]\nid = \"ask\"\nactions = [\"list_files\"]\ndecision = \"confirm\"\n");
    let world = World::new(&policy);
    let (one, two, link) = (world.path("one"), world.path("two"), world.path("link"));
    for folder in [&one, &two] {
        std::fs::create_dir(folder).unwrap();
    }
    std::fs::write(two.join("secret"), "").unwrap();
    symlink(&one, &link).unwrap();
    let held = world.ask("list_files", link.to_str().unwrap());
    let id = held["confirmation_id"].as_str().expect("held").to_owned();
    assert_eq!(held["preview"]["effects"][0]["object"], json!(one.to_str().unwrap()), "{held}");
    std::fs::remove_file(&link).unwrap();
    symlink(&two, &link).unwrap();
    let answer = world.ask("confirm", &id);
    assert_eq!(answer["code"], json!("confirmation_changed"), "{answer}");
    assert!(!answer["message"].as_str().unwrap().contains("secret"));
}
