import Faults

/// Names that the format defines and this version cannot do. They are refused with the reason, never
/// skipped. To make one available, delete its entry here.
enum NotAvailable {
  static let runtimes: [ExperimentRuntime: String] = [
    .cluster: "the cluster runtime is not available in this version"
  ]

  static let faultKinds: [String: String] = [
    "add-replica": "changes of membership cannot be injected in this version",
    "remove-replica": "changes of membership cannot be injected in this version",
    "transfer-leadership": "a transfer of leadership cannot be injected in this version",
  ]

  static let crashDisks: [String: String] = [
    "lost": "no protocol here replaces a replica that lost its disk: that needs membership changes"
  ]

  static let diskFaults: [String: String] = [
    "error": "failing syncs cannot be injected in this version",
    "full": "a full disk cannot be injected in this version",
    "bitRot": "bit rot cannot be injected in this version",
  ]
}
