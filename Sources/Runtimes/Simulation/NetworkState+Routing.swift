import Environments
import Faults
import Primitives
import Replication

/// The random numbers of one message: a short sequence that depends on the message's position in
/// the stream of its link. The next message's numbers do not depend on how many this one uses.
struct MessageDraws {
  private var word: UInt64

  @inline(__always)
  init(from stream: inout UInt64) { word = RandomStream.splitMix64(&stream) }

  /// The first number is used for the latency.
  @inline(__always)
  mutating func next() -> UInt64 {
    let result = word
    word = RandomStream.splitMix64(at: word)
    return result
  }

  mutating func chance(_ probability: Double) -> Bool {
    Double(next() >> 11) * 0x1p-53 < probability
  }

  mutating func below(_ bound: Interval) -> Interval {
    .nanoseconds(Int64(next().multipliedFullWidth(by: UInt64(bound.nanoseconds)).high))
  }
}

/// The ways of messages through the network, and when they arrive. `NetworkState+Loss.swift`
/// decides which are lost.
extension NetworkState {
  /// Decides the fate of a message between two different nodes that departs now or later.
  @inline(__always)
  public mutating func route(from: Int, to: Int, bytes: Int, departing: Instant) -> Fate {
    let position = from * nodeCount + to
    guard usually(degradations.isEmpty && isOrdered && links[position].isPlain) else {
      return routeInGeneral(from: from, to: to, bytes: bytes, departing: departing)
    }
    return .delivered(at: arrivalOnPlainLink(position, from, to, bytes, departing))
  }

  /// The same as `routeInGeneral` where nothing but latencies and interfaces decides: most messages
  /// of most trials.
  private mutating func arrivalOnPlainLink(
    _ position: Int, _ from: Int, _ to: Int, _ bytes: Int, _ departing: Instant
  ) -> Instant {
    var draws = MessageDraws(from: &links[position].random)
    let latency = sample(links[position].sampler, draws.next())
    let sent = transmit(bytes, from: from, departing: departing)
    let reception = time(of: bytes, at: to)
    let way = sent.start + latency + reception
    let time = max(sent.end + latency, way, links[position].lastArrival + reception)
    links[position].lastArrival = time
    return time
  }

  private mutating func routeInGeneral(
    from: Int, to: Int, bytes: Int, departing: Instant
  ) -> Fate {
    // A copy, written back at the end, because the functions below may change other parts of self.
    var link = links[from * nodeCount + to]
    defer { links[from * nodeCount + to] = link }
    var draws = MessageDraws(from: &link.random)
    if let fate = fateIfCut(link) {
      interfaces[from].withheldBytes += bytes
      return fate
    }
    var path = Path(
      from: from, to: to, bytes: bytes, sampler: link.sampler, roundTrip: link.roundTrip,
      loss: link.loss, reorder: model.reorder, duplicate: model.duplicate)
    let latency = drawLatency(on: &path, departing: departing, &draws)
    path.sent = transmit(bytes, from: from, departing: departing)
    if link.nanosecondsPerByte > 0 {
      let start = max(path.sent.start, link.freeAt)
      let end = start + Self.time(of: bytes, at: link.nanosecondsPerByte)
      link.freeAt = end
      path.sent = (start, max(path.sent.end, end))
    }
    let earliest = received(path, from: link.lastArrival)
    guard let arrival = end(of: path, latency: latency, behind: earliest, &draws) else {
      return .lost
    }
    if !arrival.isOvertaken { link.lastArrival = arrival.time }
    return arrival.fate
  }

  /// The same for a message between a client and a node. Partitions of nodes do not affect it, but
  /// degradations of the node do. A partition that separates clients from the node is a degradation
  /// that loses all their messages.
  public mutating func route(
    client: ClientID, node: Int, isRequest: Bool, bytes: Int, departing: Instant
  ) -> Fate {
    let owner = clients.position(of: client)
    guard usually(isTCP && degradations.isEmpty && model.clients.loss <= 0) else {
      return routeInGeneral(
        owner: owner, node: node, isRequest: isRequest, bytes: bytes, departing: departing)
    }
    let sampler = clients.sampler(of: owner, node: node, isRequest: isRequest)
    let position = clients.link(of: owner, node: node, isRequest: isRequest)
    let own = Self.time(of: bytes, at: clients.nanosecondsPerByte)
    let last = clients.lastArrivals[position]
    let time: Instant
    if isRequest {
      let (word, start) = clients.clients[owner].noteRequest(departing: departing, takes: own)
      let latency = sample(sampler, word)
      let reception = self.time(of: bytes, at: node)
      time = max(start + own + latency, start + latency + reception, last + reception)
    } else {
      let sent = transmit(bytes, from: node, departing: departing)
      var draws = MessageDraws(from: &clients.clients[owner].answers)
      let latency = sample(sampler, draws.next())
      let earliest = own > .zero ? max(last, clients.clients[owner].receivedAt) : last
      time = max(sent.end + latency, sent.start + latency + own, earliest + own)
      if own > .zero { clients.clients[owner].receivedAt = time }
    }
    clients.lastArrivals[position] = time
    return .delivered(at: time)
  }

  /// The same with faults, losses, or duplicates.
  private mutating func routeInGeneral(
    owner: Int, node: Int, isRequest: Bool, bytes: Int, departing: Instant
  ) -> Fate {
    let position = clients.link(of: owner, node: node, isRequest: isRequest)
    var draws =
      isRequest
      ? MessageDraws(from: &clients.clients[owner].requests)
      : MessageDraws(from: &clients.clients[owner].answers)
    let sampler = clients.sampler(of: owner, node: node, isRequest: isRequest)
    var path = Path(
      from: node, to: node, bytes: bytes, sampler: sampler,
      roundTrip: samplers.withUnsafeBufferPointer { $0[sampler].median } * 2,
      loss: model.clients.loss, reorder: 0, duplicate: model.duplicate)
    let latency = drawLatency(on: &path, departing: departing, &draws)
    // The order of clients' datagrams never matters.
    path.reorder = 0
    let own = Self.time(of: bytes, at: clients.nanosecondsPerByte)
    if isRequest {
      let start = max(departing, clients.clients[owner].sentAt)
      path.sent = (start, start + own)
      clients.clients[owner].sentAt = path.sent.end
    } else {
      path.sent = transmit(bytes, from: node, departing: departing)
      path.clientReception = own
    }
    var earliest = isTCP ? received(path, from: clients.lastArrivals[position]) : .zero
    if !isRequest, own > .zero {
      // A client has one operation open and hardly ever two replies in flight, so its interface
      // receives replies in the order in which they were sent.
      earliest = max(earliest, clients.clients[owner].receivedAt + own)
    }
    guard let arrival = end(of: path, latency: latency, behind: earliest, &draws) else {
      return .lost
    }
    if isTCP { clients.lastArrivals[position] = arrival.time }
    if !isRequest, own > .zero { clients.clients[owner].receivedAt = arrival.time }
    return arrival.fate
  }

  /// The properties of a message's path, faults included.
  struct Path {
    /// The nodes at its ends; twice the same node if the other end is a client.
    let from: Int
    let to: Int
    let bytes: Int
    let sampler: Int
    let roundTrip: Interval
    /// The probability of loss without faults, and with them.
    let ownLoss: Double
    var loss: Double
    var reorder: Double
    var duplicate: Double
    var extra = Interval.zero
    /// When the sender begins and ends sending the message.
    var sent = (start: Instant.zero, end: Instant.zero)
    /// How long the receiver's interface takes to receive it, if the receiver is a client.
    var clientReception: Interval?

    @inline(__always)
    init(
      from: Int, to: Int, bytes: Int, sampler: Int, roundTrip: Interval, loss: Double,
      reorder: Double, duplicate: Double
    ) {
      self.from = from
      self.to = to
      self.bytes = bytes
      self.sampler = sampler
      self.roundTrip = roundTrip
      ownLoss = loss
      self.loss = loss
      self.reorder = reorder
      self.duplicate = duplicate
    }

    func isHit(by degradation: Degradation) -> Bool {
      (degradation.nodes[from] || degradation.nodes[to])
        && (!degradation.isOfClients || from == to)
    }

    mutating func add(_ degradation: Degradation) {
      loss += degradation.loss
      reorder += degradation.what.reorder
      duplicate += degradation.what.duplicate
      extra += degradation.what.extraLatency
    }
  }

  /// The arrival of a message.
  private struct Arrival {
    var time: Instant
    /// The arrival of a second copy.
    var again: Instant?
    /// Whether messages sent later may overtake it.
    var isOvertaken = false

    var fate: Fate { again.map { .twice(at: time, and: $0) } ?? .delivered(at: time) }
  }

  /// A draw from the distribution at position `sampler` of `samplers`. It is read in place, because
  /// copying it out of the array would cost a reference count.
  @inline(__always)
  private func sample(_ sampler: Int, _ word: UInt64) -> Interval {
    samplers.withUnsafeBufferPointer { $0[sampler].value(of: word) }
  }

  /// Adds the degradations that hit the path, and draws the message's latency.
  @inline(__always)
  private func drawLatency(
    on path: inout Path, departing: Instant, _ draws: inout MessageDraws
  ) -> Interval {
    // Even a loop over an empty array costs time.
    if !degradations.isEmpty {
      for degradation in degradations
      where degradation.until > departing && path.isHit(by: degradation) {
        path.add(degradation)
      }
    }
    return sample(path.sampler, draws.next()) + path.extra
  }

  /// When a message that was sent arrives; `nil` if it is lost.
  /// - Parameter earliest: the earliest arrival of a message that does not overtake others.
  @inline(__always)
  private mutating func end(
    of path: Path, latency: Interval, behind earliest: Instant, _ draws: inout MessageDraws
  ) -> Arrival? {
    guard let delay = lossDelay(path, &draws) else { return nil }
    // Receiving overlaps with sending: a message that was sent no faster than it is received takes
    // no further time to be received.
    let way = latency + delay
    let time = max(path.sent.end + way, received(path, from: path.sent.start + way))
    var arrival = Arrival(time: max(time, earliest))
    // Over TCP the kernel restores the order and drops duplicates.
    guard !isTCP else { return arrival }
    if path.reorder > 0, draws.chance(path.reorder) {
      // Up to three more latencies late, so that later messages overtake it.
      arrival = Arrival(time: time + draws.below(latency * 3 + .nanoseconds(1)), isOvertaken: true)
    }
    if path.duplicate > 0, draws.chance(path.duplicate) {
      arrival.again = arrival.time + sample(path.sampler, draws.next())
    }
    return arrival
  }
}
