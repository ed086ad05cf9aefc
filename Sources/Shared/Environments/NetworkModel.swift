import Replication

/// The transport of messages between two processes, and between a client and a node.
public enum NetworkTransport: String, Sendable, CaseIterable {
  /// A connection. A lost segment is sent again, so loss becomes delay, and all data after the
  /// segment waits for it. Data sent during a partition arrives after it, unless the connection was
  /// given up by then. A connection ends with the process at either end; data that the other end
  /// had not read yet is lost, so it never reaches the next process of that node.
  case tcp
  /// Independent messages: a lost message is not sent again, and messages may be duplicated and
  /// reordered.
  case datagram
}

/// The network between nodes, and between clients and nodes.
///
/// Every node has one interface, which all its peers and clients share: a message leaves when the
/// interface has sent all earlier messages, passes the path (first its bandwidth, then its
/// latency), and is received when the other side's interface has received all messages that arrived
/// earlier. Links are first in, first out, except for messages that `reorder` selects.
public struct NetworkModel: Sendable, Equatable {
  /// One-way latency of every link that neither `places` nor an override covers.
  public var latency: DelayDistribution
  /// Bandwidth of each node's interface in each direction, in bits per second; `nil` is unlimited.
  public var nic: Double?
  public var transport = NetworkTransport.tcp
  /// Over TCP: how long the sender waits, in addition to the round trip, before it sends a segment
  /// again. The first loss is noticed after a round trip, by the acknowledgements of later segments
  /// (RFC 8985). From the second loss on a timer decides, which begins at the lower bound (Linux:
  /// 200 ms) and doubles up to the upper bound (RFC 6298 §5.5).
  public var retransmission = Interval.milliseconds(200)...Interval.seconds(120)
  /// Over TCP: a connection that could not transfer anything for this long is given up (RFC 5482),
  /// and its unreceived data is lost.
  public var givesUpAfter = Interval.seconds(15)
  /// The share of messages between nodes that are lost.
  public var loss = 0.0
  /// The share of datagrams, between nodes and with clients, that are duplicated.
  public var duplicate = 0.0
  /// The share of datagrams between nodes that are reordered.
  public var reorder = 0.0
  public var clients = ClientNetworkModel()
  public var links: [LinkOverride] = []
  public var places: Places?

  public init(latency: DelayDistribution) { self.latency = latency }

  /// A switch in one room: about 100 µs one way, 10 Gbit/s.
  public static var lan: NetworkModel {
    var model = NetworkModel(latency: .lognormal(median: .microseconds(100), sigma: 0.2))
    model.nic = 10e9
    return model
  }

  /// Five AWS regions; half of the median round trips that CloudPing published (bundled in
  /// github.com/commonwarexyz/monorepo at 4622dfb), ±5 %.
  public static var wanAWS5: NetworkModel {
    let roundTripTenths: [[Int64]] = [
      [5, 151, 644, 696, 1497],
      [151, 5, 512, 807, 1365],
      [644, 512, 5, 1183, 982],
      [696, 807, 1183, 5, 2023],
      [1497, 1365, 982, 2023, 5],
    ]
    var model = NetworkModel(latency: .lognormal(median: .microseconds(250), sigma: 0.02))
    model.nic = 1e9
    model.places = Places(
      names: ["virginia", "ohio", "oregon", "ireland", "tokyo"],
      latency: roundTripTenths.map { row in
        row.map { .lognormal(median: .microseconds($0 * 50), sigma: 0.02) }
      })
    return model
  }

  public static let presets: [(name: String, meaning: String, model: NetworkModel)] = [
    (
      "lan", "one switch: 100 us one way (lognormal), interfaces of 10 Gbps; the default", .lan
    ),
    (
      "wan-aws-5",
      "five regions of AWS, half of the median round trip one way, interfaces of 1 Gbps: replica i and "
        + "client i at place i mod 5 of virginia, ohio, oregon, ireland, tokyo, so that three replicas "
        + "are at the first three",
      .wanAWS5
    ),
  ]
}

/// The differences of the links between clients and nodes.
public struct ClientNetworkModel: Sendable, Equatable {
  /// Bandwidth of each client's own interface in each direction, in bits per second; `nil` is
  /// unlimited.
  public var nic: Double?
  public var loss = 0.0
  /// One-way latency; `nil` means that of the network.
  public var latency: DelayDistribution?

  public init() {}
}

/// Named places, the latencies between them, and the places of nodes and clients.
public struct Places: Sendable, Equatable {
  public var names: [String]
  /// One-way latency from the place of the row to the place of the column.
  public var latency: [[DelayDistribution]]
  /// The places of replicas: replica `i` is at the place of entry `i`, and the list repeats if
  /// there are more replicas than entries. Never empty.
  public var replicas: [Int]
  /// The same for clients.
  public var clients: [Int]
  /// The same for nodes of the authority; for `nil` see `place(ofAuthorityNode:)`.
  public var authority: [Int]?

  /// Spreads replicas and clients over all places.
  public init(names: [String], latency: [[DelayDistribution]]) {
    self.names = names
    self.latency = latency
    replicas = Array(names.indices)
    clients = replicas
  }

  public func place(ofReplica number: Int) -> Int { replicas[number % replicas.count] }

  public func place(ofClient number: UInt64) -> Int {
    clients[Int(number % UInt64(clients.count))]
  }

  /// Unless the model specifies them, the authority's nodes get different places as long as there
  /// are enough, beginning with those of replicas. So no place holds a majority of the authority if
  /// there are at least as many places as authority nodes.
  public func place(ofAuthorityNode number: Int) -> Int {
    if let authority { return authority[number % authority.count] }
    var order: [Int] = []
    for place in replicas + Array(names.indices) where !order.contains(place) {
      order.append(place)
    }
    return order[number % order.count]
  }

  /// The place of each node, by number.
  public func places(of membership: Membership) -> [Int] {
    membership.replicas.indices.map { place(ofReplica: $0) }
      + membership.authority.indices.map { place(ofAuthorityNode: $0) }
  }
}

/// Replaces parts of the network model on one directed link, or on both directions.
public struct LinkOverride: Sendable, Equatable {
  public var from: Int
  public var to: Int
  public var bothWays: Bool
  public var latency: DelayDistribution?
  public var loss: Double?
  /// Bandwidth of the path, in bits per second, in addition to the limits of the interfaces at its
  /// ends.
  public var bandwidth: Double?

  public init(from: Int, to: Int, bothWays: Bool) {
    self.from = from
    self.to = to
    self.bothWays = bothWays
  }
}
