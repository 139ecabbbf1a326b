// Every command of the shell, by name. This list is read twice: by build.rs, which makes it the app's permission
// manifest, and by the crate, whose tests compare it with the commands that are really there and with the one
// capability that grants them.

/// The commands that the window may call; nothing else can be called from it.
pub const COMMANDS: &[&str] = &[
    "account_detail",
    "account_storage",
    "app_info",
    "ask_again",
    "browsers",
    "call",
    "cancel_sign_in",
    "catalogue",
    "check_up",
    "copy_link",
    "drawn",
    "flows",
    "forget_sign_out",
    "go_by",
    "keep_another",
    "move_storage",
    "open_again",
    "open_provider_page",
    "other_storage",
    "paste_callback",
    "remove_provider",
    "repair",
    "retry_sign_out",
    "save_provider",
    "save_report",
    "set_browser",
    "sign_in",
    "sign_out",
    "sign_out_in_browser",
    "subscribe",
];
