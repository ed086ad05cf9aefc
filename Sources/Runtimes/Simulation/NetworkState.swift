import Environments
import Faults
import Primitives
import Replication

/// The network of one trial: which nodes are connected, at which speed, and which messages are
/// lost.
public struct NetworkState: ~Copyable {
  let model: NetworkModel
  let nodeCount: Int
  let isTCP: Bool
  /// Whether messages arrive once and in the order in which they were sent.
  let isOrdered: Bool
  let samplers: [LatencySampler]
  /// Every directed link between nodes: `from * nodeCount + to`.
  var links: OwnedArray<Link>
  /// Every node's interface.
  var interfaces: OwnedArray<Interface>
  /// How long a queue of an interface takes for a packet of each length, in nanoseconds, because
  /// most messages are packets and computing the time takes longer than looking it up.
  let packetTimesNs: OwnedArray<Int64>
  var clients: ClientLinks
  /// For each node.
  var transfers: [Transfer]
  /// The interfaces when measuring began, and when that was; nil before.
  var measuringBegan: (interfaces: [Interface], at: Instant)?
  /// The degradations that hold now, each with the nodes it hits.
  var degradations: [Degradation] = []
  /// How often a process has started or ended on each node. Over TCP, messages that were sent to an
  /// earlier process do not arrive.
  public private(set) var incarnations: OwnedArray<UInt16>

  struct Link: Sendable {
    /// Position in `samplers`.
    var sampler = 0
    /// The probability of loss on the path, without faults.
    var loss: Double
    /// Of the path, apart from the interfaces; 0 is unlimited.
    var nanosecondsPerByte = 0.0
    /// The median time there and back.
    var roundTrip = Interval.zero
    var random: UInt64
    /// Whether a partition cuts the link now.
    var isCut = false
    /// Over TCP: when the first of the messages that wait because of a partition was sent, and how
    /// many bytes wait.
    var heldSince: Instant?
    var heldBytes = 0
    /// When the last message arrives, when the receiver's interface has received the last one, and
    /// when the path is free for the next one.
    var lastArrival = Instant.zero
    var lastReceived = Instant.zero
    var freeAt = Instant.zero

    /// Whether the link neither loses nor holds messages, and is as fast as the interfaces.
    var isPlain: Bool { !isCut && heldSince == nil && loss <= 0 && nanosecondsPerByte <= 0 }
  }

  /// A degradation that holds, and the nodes it hits.
  struct Degradation: Sendable {
    var nodes: [Bool]
    var what: LinkDegradation
    var nanosecondsPerByte: Double
    /// When it will end, as far as is known. Bytes that still wait then are sent at the network's
    /// own speed.
    var until: Instant
    /// Whether it hits only messages of and to clients.
    var isOfClients = false

    /// Damaged messages count as lost, because their checksum reveals the damage.
    var loss: Double { what.loss + what.corrupt }
  }

  /// The fate of one message.
  public enum Fate: Equatable {
    case lost
    /// Over TCP: the message waits until its link lets messages through again.
    case held
    /// When all of it has arrived, unless the receiver's interface is busy then.
    case delivered(at: Instant)
    case twice(at: Instant, and: Instant)
  }

  public init(model: NetworkModel, membership: Membership, seed: UInt64) {
    self.model = model
    let count = membership.nodeCount
    nodeCount = count
    isTCP = model.transport == .tcp
    isOrdered = isTCP || model.reorder <= 0 && model.duplicate <= 0
    transfers = Array(repeating: Transfer(), count: count)
    incarnations = OwnedArray(repeatElement(0, count: count))
    interfaces = OwnedArray(
      repeatElement(Interface(nanosecondsPerByte: Self.nanosecondsPerByte(model.nic)), count: count)
    )
    let perByte = Self.nanosecondsPerByte(model.nic) * Self.bulkFactor
    packetTimesNs = OwnedArray(
      (0...Self.packetByteCount).map { Self.time(of: $0, at: perByte).nanoseconds })
    var samplers = [LatencySampler(model.latency)]
    // Each link has its own stream, so that the nth message of a link draws the same numbers
    // regardless of other messages: trials of one seed differ by the protocols' actions, not by
    // chance.
    let key = RandomStream.splitMix64(at: seed) ^ RandomPurpose.links.rawValue
    links = OwnedArray(
      (0..<count * count).map { position in
        let random = RandomStream.scramble(
          key &+ UInt64(position / count) << 32 | UInt64(position % count))
        return Link(loss: model.loss, random: random)
      })
    let nodePlaces = model.places?.places(of: membership)
    if let places = model.places, let nodePlaces {
      samplers = places.latency.flatMap { $0.map(LatencySampler.init) }
      for from in 0..<count {
        for to in 0..<count {
          links[from * count + to].sampler = nodePlaces[from] * places.names.count + nodePlaces[to]
        }
      }
    }
    if let latency = model.clients.latency { samplers.append(LatencySampler(latency)) }
    clients = ClientLinks(
      model: model, nodePlaces: nodePlaces, nodeCount: count,
      commonSampler: model.clients.latency == nil ? 0 : samplers.count - 1,
      key: RandomStream.scramble(key))
    for link in model.links {
      let directions =
        link.bothWays ? [(link.from, link.to), (link.to, link.from)] : [(link.from, link.to)]
      for (from, to) in directions where from < count && to < count {
        let position = from * count + to
        if let latency = link.latency {
          links[position].sampler = samplers.count
          samplers.append(LatencySampler(latency))
        }
        if let loss = link.loss { links[position].loss = loss }
        if let bandwidth = link.bandwidth {
          links[position].nanosecondsPerByte = Self.nanosecondsPerByte(bandwidth)
        }
      }
    }
    for from in 0..<count {
      for to in 0..<count {
        links[from * count + to].roundTrip =
          samplers[links[from * count + to].sampler].median
          + samplers[links[to * count + from].sampler].median
      }
    }
    self.samplers = samplers
  }

  public static func nanosecondsPerByte(_ bitsPerSecond: Double?) -> Double {
    bitsPerSecond.map { 8e9 / $0 } ?? 0
  }

  /// When a node sees that a connection was closed at the other end; `nil` if it does not. This
  /// draws nothing from the link's stream, so that closings do not change the draws of messages.
  public func closing(from: Int, to: Int, at now: Instant) -> Instant? {
    let position = from * nodeCount + to
    guard !links[position].isCut, links[position].heldSince == nil else { return nil }
    var random = RandomStream(seed: UInt64(bitPattern: now.nanoseconds), label: UInt64(position))
    var arrival = now + samplers[links[position].sampler].next(&random)
    for degradation in degradations where degradation.nodes[from] || degradation.nodes[to] {
      arrival += degradation.what.extraLatency
    }
    return max(arrival, links[position].lastArrival)
  }

  /// Ends, over TCP, all connections of a node, because a process has started or ended there.
  public mutating func resetConnections(of node: Int) {
    if isTCP { incarnations[node] &+= 1 }
  }

  /// Applies the partitions and degradations that hold now.
  public mutating func adopt(_ ledger: FaultLedger) {
    for position in links.indices { links[position].isCut = false }
    degradations.removeAll()
    for key in ledger.entries.keys.sorted() {
      switch ledger.entries[key] {
      case .cut(let cut, let unreached, let until):
        for link in cut { links[link.from * nodeCount + link.to].isCut = true }
        guard !unreached.isEmpty else { break }
        var nothing = LinkDegradation()
        nothing.loss = 1
        degradations.append(
          Degradation(
            nodes: (0..<nodeCount).map(unreached.contains), what: nothing, nanosecondsPerByte: 0,
            until: until ?? .never, isOfClients: true))
      case .degraded(let hit, let what, let until):
        degradations.append(
          Degradation(
            nodes: (0..<nodeCount).map(hit.contains), what: what,
            nanosecondsPerByte: what.nanosecondsPerByte, until: until ?? .never))
      default: break
      }
    }
  }
}
