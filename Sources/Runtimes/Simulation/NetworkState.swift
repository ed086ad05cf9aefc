import Environments
import Faults
import Primitives
import Replication

/// The network of one trial: who reaches whom, how fast, and what gets lost.
public struct NetworkState: Sendable {
  private let model: NetworkModel
  private let nodeCount: Int
  private let samplers: [LatencySampler]
  /// Position in `samplers` of every directed link between nodes, and its loss and bandwidth.
  private var samplerOfLink: [Int]
  private var lossOfLink: [Double]
  private var nanosecondsPerByte: [Double]
  /// Whether a partition cuts the link at present.
  private var isCut: [Bool]
  /// When the last message of the link arrives, and when the link is free to take the next one.
  private var lastArrival: [Int64]
  private var freeAt: [Int64]
  /// Degradations at present, each with the nodes it hits.
  private var degradations: [Degradation] = []
  /// Of the links between clients and nodes.
  private let clientNanosecondsPerByte: Double
  private let placeCount: Int
  private var random: RandomStream

  /// A degradation that holds, and whom it hits.
  private struct Degradation: Sendable {
    var nodes: [Bool]
    var what: LinkDegradation
    var nanosecondsPerByte: Double
    /// When it will end, as far as is known: what still waits then goes at the network's own speed.
    var until: Int64
  }

  /// What becomes of one message.
  public enum Fate {
    case lost
    case delivered(at: Int64)
    case twice(at: Int64, and: Int64)
  }

  public init(model: NetworkModel, nodeCount: Int, random: RandomStream) {
    self.model = model
    self.nodeCount = nodeCount
    self.random = random
    let links = nodeCount * nodeCount
    let perByte = NetworkState.nanosecondsPerByte(model.bandwidth)
    var samplers = [LatencySampler(model.latency)]
    samplerOfLink = Array(repeating: 0, count: links)
    lossOfLink = Array(repeating: model.loss, count: links)
    nanosecondsPerByte = Array(repeating: perByte, count: links)
    isCut = Array(repeating: false, count: links)
    lastArrival = Array(repeating: 0, count: links)
    freeAt = Array(repeating: 0, count: links)
    placeCount = model.places?.count ?? 0
    clientNanosecondsPerByte = perByte
    let placeSamplers = (model.places ?? []).flatMap { row in
      row.map { LatencySampler(.lognormal(median: $0, sigma: 0.02)) }
    }
    if placeCount > 0 {
      samplers = placeSamplers
      for from in 0..<nodeCount {
        for to in 0..<nodeCount {
          samplerOfLink[from * nodeCount + to] = from % placeCount * placeCount + to % placeCount
        }
      }
    }
    for link in model.links {
      let directions =
        link.bothWays ? [(link.from, link.to), (link.to, link.from)] : [(link.from, link.to)]
      for (from, to) in directions where from < nodeCount && to < nodeCount {
        let position = from * nodeCount + to
        if let latency = link.latency {
          samplerOfLink[position] = samplers.count
          samplers.append(LatencySampler(latency))
        }
        if let loss = link.loss { lossOfLink[position] = loss }
        if let bandwidth = link.bandwidth {
          nanosecondsPerByte[position] = NetworkState.nanosecondsPerByte(bandwidth)
        }
      }
    }
    self.samplers = samplers
  }

  public static func nanosecondsPerByte(_ bitsPerSecond: Double?) -> Double {
    bitsPerSecond.map { 8e9 / $0 } ?? 0
  }

  /// When a node sees that a connection was closed at the other end; `nil` if it does not. Nothing is drawn:
  /// trials without such news are what they would be without this.
  public func closing(from: Int, to: Int, at now: Int64) -> Int64? {
    let link = from * nodeCount + to
    guard !isCut[link] else { return nil }
    var random = RandomStream(seed: UInt64(bitPattern: now), label: UInt64(link))
    var arrival = now + samplers[samplerOfLink[link]].next(&random)
    for degradation in degradations where degradation.nodes[from] || degradation.nodes[to] {
      arrival += degradation.what.extraLatency.nanoseconds
    }
    return max(arrival, lastArrival[link])
  }

  /// Decides what becomes of a message between two different nodes that departs now or later.
  public mutating func route(from: Int, to: Int, bytes: Int, departing: Int64) -> Fate {
    let link = from * nodeCount + to
    guard !isCut[link] else { return .lost }
    var loss = lossOfLink[link]
    var duplicate = model.duplicate
    var reorder = model.reorder
    var extra: Int64 = 0
    if !degradations.isEmpty {
      for degradation in degradations where degradation.nodes[from] || degradation.nodes[to] {
        let what = degradation.what
        loss += what.loss + what.corrupt
        duplicate += what.duplicate
        reorder += what.reorder
        extra += what.extraLatency.nanoseconds
      }
    }
    if loss > 0, random.chance(loss) { return .lost }
    let sent = transmitted(
      bytes, from: max(departing, freeAt[link]), nanosecondsPerByte[link]
    ) { $0[from] || $0[to] }
    freeAt[link] = sent
    let latency = samplers[samplerOfLink[link]].next(&random) + extra
    var arrival = sent + latency
    if reorder > 0, random.chance(reorder) {
      // Off the queue: up to three more latencies late, overtaken by what follows.
      arrival += Int64(random.below(Int(latency) * 3 + 1))
    } else {
      arrival = max(arrival, lastArrival[link])
      lastArrival[link] = arrival
    }
    if duplicate > 0, random.chance(duplicate) {
      return .twice(at: arrival, and: arrival + samplers[samplerOfLink[link]].next(&random))
    }
    return .delivered(at: arrival)
  }

  /// The same for a message between a client and a node, in either direction. Partitions do not touch
  /// it; degradations of the node do.
  public mutating func routeClient(client: Int, node: Int, bytes: Int, departing: Int64) -> Fate {
    var loss = model.loss
    var duplicate = model.duplicate
    var extra: Int64 = 0
    if !degradations.isEmpty {
      for degradation in degradations where degradation.nodes[node] {
        loss += degradation.what.loss + degradation.what.corrupt
        duplicate += degradation.what.duplicate
        extra += degradation.what.extraLatency.nanoseconds
      }
    }
    if loss > 0, random.chance(loss) { return .lost }
    // With places the samplers of the places come first among all.
    let sampler =
      placeCount == 0 ? 0 : client % placeCount * placeCount + node % placeCount
    let sent = transmitted(bytes, from: departing, clientNanosecondsPerByte) { $0[node] }
    let base = sent + extra
    let arrival = base + samplers[sampler].next(&random)
    if duplicate > 0, random.chance(duplicate) {
      return .twice(at: arrival, and: base + samplers[sampler].next(&random))
    }
    return .delivered(at: arrival)
  }

  /// When the last of the bytes has left: at the link's own speed, or at that of the slowest
  /// degradation for as long as it lasts. Otherwise a queue that built up in a short fault would go on
  /// crawling long after its end.
  private func transmitted(
    _ bytes: Int, from start: Int64, _ ownPerByte: Double, _ hits: ([Bool]) -> Bool
  ) -> Int64 {
    if degradations.isEmpty { return start + Int64(Double(bytes) * ownPerByte) }
    var time = start
    var rest = Double(bytes)
    while true {
      var perByte = ownPerByte
      var change = Int64.max
      for degradation in degradations where degradation.until > time {
        guard degradation.nanosecondsPerByte > ownPerByte, hits(degradation.nodes) else {
          continue
        }
        perByte = max(perByte, degradation.nanosecondsPerByte)
        change = min(change, degradation.until)
      }
      let end = time + Int64(rest * perByte)
      guard end > change else { return end }
      rest -= Double(change - time) / perByte
      time = change
    }
  }

  /// Goes by the partitions and degradations that hold now.
  public mutating func adopt(_ ledger: FaultLedger) {
    for link in isCut.indices { isCut[link] = false }
    degradations.removeAll()
    for key in ledger.entries.keys.sorted() {
      switch ledger.entries[key] {
      case .cut(let links): for link in links { isCut[link.from * nodeCount + link.to] = true }
      case .degraded(let hit, let what, let until):
        degradations.append(
          Degradation(
            nodes: (0..<nodeCount).map(hit.contains), what: what,
            nanosecondsPerByte: what.nanosecondsPerByte, until: until ?? .max))
      default: break
      }
    }
  }
}
