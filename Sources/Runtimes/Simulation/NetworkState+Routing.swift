import Environments
import Faults
import Primitives
import Replication

/// The random numbers of one message: a short sequence that the message's place in the stream of
/// its link decides. However many of them a message needs, the next message's are the same.
struct MessageDraws {
  private var word: UInt64

  @inline(__always)
  init(from stream: inout UInt64) { word = RandomStream.splitMix64(&stream) }

  /// The first is the latency's.
  @inline(__always)
  mutating func next() -> UInt64 {
    let result = word
    word = RandomStream.splitMix64(at: word)
    return result
  }

  mutating func chance(_ probability: Double) -> Bool {
    Double(next() >> 11) * 0x1p-53 < probability
  }

  mutating func below(_ bound: Int64) -> Int64 {
    Int64(next().multipliedFullWidth(by: UInt64(bound)).high)
  }
}

/// What happens to messages on their way.
extension NetworkState {
  /// Decides what becomes of a message between two different nodes that departs now or later.
  public mutating func route(from: Int, to: Int, bytes: Int, departing: Int64) -> Fate {
    let position = from * nodeCount + to
    var draws = MessageDraws(from: &links[position].random)
    if links[position].isCut || links[position].heldSince != nil {
      return isTCP ? .held : .lost
    }
    var path = Path(
      sampler: links[position].sampler, roundTrip: links[position].roundTrip,
      loss: links[position].loss, reorder: model.reorder, duplicate: model.duplicate)
    // A loop over an empty array is not free.
    if !degradations.isEmpty {
      for degradation in degradations
      where degradation.until > departing && (degradation.nodes[from] || degradation.nodes[to]) {
        path.add(degradation)
      }
    }
    let latency = samplers[path.sampler].value(of: draws.next()) + path.extra
    var sent = transmit(bytes, from: from, departing: departing)
    if links[position].nanosecondsPerByte > 0 {
      let start = max(sent.start, links[position].freeAt)
      let end = start + Self.time(of: bytes, at: links[position].nanosecondsPerByte)
      links[position].freeAt = end
      sent = (start, max(sent.end, end))
    }
    guard
      let delay = lossDelay(
        path, departing: sent.end, &draws, hits: { $0[from] || $0[to] })
    else { return .lost }
    let reception = Self.time(of: bytes, at: slowness(of: to))
    // A message that left at the speed at which it is received needs no further time to be
    // received.
    var arrival = sent.end + latency + delay + max(0, reception - (sent.end - sent.start))
    if path.reorder > 0, !isTCP, draws.chance(path.reorder) {
      // Off the queue: up to three more latencies late, overtaken by what follows.
      arrival += draws.below(latency * 3 + 1)
    } else {
      arrival = max(arrival, links[position].lastArrival + reception)
      links[position].lastArrival = arrival
    }
    if path.duplicate > 0, !isTCP, draws.chance(path.duplicate) {
      return .twice(at: arrival, and: arrival + samplers[path.sampler].value(of: draws.next()))
    }
    return .delivered(at: arrival)
  }

  /// The same for a message between a client and a node. Partitions do not touch it; degradations
  /// of the node do.
  public mutating func route(
    client: ClientID, node: Int, isRequest: Bool, bytes: Int, departing: Int64
  ) -> Fate {
    let owner = clients.position(of: client)
    let position = clients.link(of: owner, node: node, isRequest: isRequest)
    var draws =
      isRequest
      ? MessageDraws(from: &clients.clients.values[owner].requests)
      : MessageDraws(from: &clients.clients.values[owner].answers)
    let sampler = clients.sampler(of: owner, node: node, isRequest: isRequest)
    var path = Path(
      sampler: sampler, roundTrip: 2 * samplers[sampler].median, loss: model.clients.loss,
      reorder: 0,
      duplicate: model.duplicate)
    if !degradations.isEmpty {
      for degradation in degradations
      where degradation.until > departing && degradation.nodes[node] {
        path.add(degradation)
      }
    }
    let latency = samplers[sampler].value(of: draws.next()) + path.extra
    let own = Self.time(of: bytes, at: clients.nanosecondsPerByte)
    let sent: (start: Int64, end: Int64)
    let reception: Int64
    if isRequest {
      let start = max(departing, clients.clients.values[owner].sentAt)
      sent = (start, start + own)
      clients.clients.values[owner].sentAt = sent.end
      reception = Self.time(of: bytes, at: slowness(of: node))
    } else {
      sent = transmit(bytes, from: node, departing: departing)
      reception = own
    }
    guard let delay = lossDelay(path, departing: sent.end, &draws, hits: { $0[node] }) else {
      return .lost
    }
    var arrival = sent.end + latency + delay + max(0, reception - (sent.end - sent.start))
    if isTCP {
      arrival = max(arrival, clients.lastArrivals[position] + reception)
      clients.lastArrivals[position] = arrival
    }
    if !isRequest, own > 0 {
      // A client has one operation open and hardly ever two answers on their way, so its interface
      // receives in the order in which answers were sent.
      arrival = max(arrival, clients.clients.values[owner].receivedAt + own)
      clients.clients.values[owner].receivedAt = arrival
    }
    if path.duplicate > 0, !isTCP, draws.chance(path.duplicate) {
      return .twice(at: arrival, and: arrival + samplers[sampler].value(of: draws.next()))
    }
    return .delivered(at: arrival)
  }

  /// What a message meets on its way, faults included.
  private struct Path {
    var sampler: Int
    var roundTrip: Int64
    /// Without faults, and with them.
    let ownLoss: Double
    var loss: Double
    var reorder: Double
    var duplicate: Double
    var extra: Int64 = 0

    init(sampler: Int, roundTrip: Int64, loss: Double, reorder: Double, duplicate: Double) {
      self.sampler = sampler
      self.roundTrip = roundTrip
      ownLoss = loss
      self.loss = loss
      self.reorder = reorder
      self.duplicate = duplicate
    }

    mutating func add(_ degradation: Degradation) {
      loss += degradation.loss
      reorder += degradation.what.reorder
      duplicate += degradation.what.duplicate
      extra += degradation.what.extraLatency.nanoseconds
    }
  }

  /// How much later a message arrives because the network lost it, over TCP; `nil` if it never
  /// does.
  ///
  /// The first retransmission follows a round trip later, since the acknowledgements of later
  /// segments show the gap; after that a timer decides, which doubles each time.
  private func lossDelay(
    _ path: Path, departing: Int64, _ draws: inout MessageDraws, hits: ([Bool]) -> Bool
  ) -> Int64? {
    guard path.loss > 0 else { return 0 }
    var delay: Int64 = 0
    var loss = path.loss
    var timer = model.retransmission.lowerBound.nanoseconds
    let roundTrip = max(path.roundTrip + 2 * path.extra, 1)
    while draws.chance(loss) {
      guard isTCP else { return nil }
      if delay == 0 {
        delay = roundTrip
      } else {
        delay += roundTrip + timer
        timer = min(timer * 2, model.retransmission.upperBound.nanoseconds)
      }
      guard delay < model.givesUpAfter.nanoseconds else { return nil }
      // A fault may be over when the segment is sent again.
      loss = path.ownLoss
      for degradation in degradations
      where degradation.until > departing + delay && hits(degradation.nodes) {
        loss += degradation.loss
      }
    }
    return delay
  }
}
