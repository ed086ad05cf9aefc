/// All faults of one node that last, as one value: orders can be repeated, and a node that comes back is
/// told all of them at once.
public struct NodeFaults: Equatable, Sendable {
  /// One element per node of the cluster, this one included.
  public var links: [LinkFault]
  /// Between clients and this node.
  public var clients = LinkFault()
  /// Everything takes this many times as long.
  public var slowness = 1.0
  /// Nanoseconds that every sync takes longer.
  public var syncDelay: Int64 = 0
  /// No sync ends.
  public var syncStalls = false
  /// Share by which the clock runs fast.
  public var drift = 0.0

  public init(nodeCount: Int) {
    links = Array(repeating: LinkFault(), count: nodeCount)
  }
}

/// What happens to messages between this node and another.
public struct LinkFault: Equatable, Sendable {
  /// Nothing leaves, or nothing is taken in.
  public var cutsOutbound = false
  public var cutsInbound = false
  /// The rest holds for what this node sends.
  public var loss = 0.0
  public var duplicate = 0.0
  public var reorder = 0.0
  public var corrupt = 0.0
  /// Nanoseconds.
  public var extraLatency: Int64 = 0
  /// 0 is unlimited.
  public var nanosecondsPerByte = 0.0

  public init() {}

  /// Nothing is done to what this node sends.
  public var letsAllThrough: Bool {
    !cutsOutbound && loss == 0 && duplicate == 0 && reorder == 0 && corrupt == 0
      && extraLatency == 0 && nanosecondsPerByte == 0
  }
}
