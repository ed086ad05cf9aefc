import Replication

extension WithAuthority {
  /// The options of the data protocol and of the authority. The authority's consensus core runs
  /// with its default options.
  public struct Options: ProtocolOptions {
    public var replica: Replica.Options
    public var consensus: Consensus.Options
    /// How long a replica must be silent before the authority removes it. The authority waits
    /// longer where its answers take so long that a lease of this length would hardly be valid.
    public var failureTimeout: Interval
    /// The time between two pings of a replica, and between two ticks of the authority.
    public var ping: Interval
    public var bug: ViewServiceBug?

    public var snapshots: SnapshotPolicy { replica.snapshots }

    public static var declared: [OptionDeclaration] {
      var declared = Replica.Options.declared.filter { $0.name != "unsafeBug" }
      declared.append(
        OptionDeclaration(
          "failureTimeout",
          .interval(default: .milliseconds(200), range: .milliseconds(4)...(.seconds(60))),
          "How long a replica must be silent before the authority gives it up",
          awaitsSignOfLife: true))
      declared.append(
        OptionDeclaration(
          "ping", .interval(default: .milliseconds(40), range: .milliseconds(1)...(.seconds(15))),
          "How often a replica pings the authority",
          // With four pings in a failureTimeout one lost ping costs no lease.
          atMost: OptionDeclaration.Bound(of: "failureTimeout", dividedBy: 4, byDefault: 4)))
      var bugs = ["none"]
      for declaration in Replica.Options.declared where declaration.name == "unsafeBug" {
        if case .choice(_, let names) = declaration.kind { bugs = names }
      }
      declared.append(
        OptionDeclaration(
          "unsafeBug",
          .choice(default: "none", of: bugs + ViewServiceBug.allCases.map(\.rawValue)),
          "Switches one known mistake on, to show that the bench catches it"))
      return declared
    }

    public init(_ values: OptionValues) {
      replica = Replica.Options(values)
      consensus = Consensus.Options()
      failureTimeout = values.interval("failureTimeout")
      ping = values.interval("ping")
      bug = ViewServiceBug.chosen(in: values)
    }
  }
}
