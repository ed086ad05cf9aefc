import Faults
import Primitives
import Replication

extension NetworkState {
  /// A node's network interface, which all its peers and clients share.
  struct Interface: Sendable {
    /// Without degradations; 0 is unlimited.
    let nanosecondsPerByte: Double
    /// A message of no more bytes counts as short (`shortReception`), without degradations.
    let shortByteCount: Int
    var sending = Queues()
    var receiving = Queues()
    /// Bytes that were put into the queues of `receiving`, unless the rate is unlimited.
    var acceptedBytes = 0
    /// Bytes of messages that the node has sent but that were not put into the queues of `sending`,
    /// because a partition cuts their link.
    var withheldBytes = 0

    init(nanosecondsPerByte: Double) {
      self.nanosecondsPerByte = nanosecondsPerByte
      let room = Double(NetworkState.shortReception.nanoseconds - 1)
      shortByteCount =
        nanosecondsPerByte > 0 ? Int(room / (nanosecondsPerByte * NetworkState.bulkFactor)) : .max
    }

    /// When the queue will have handled all messages put into it so far, and the same for the queue
    /// of short messages.
    struct Queues: Sendable {
      var bulk = Instant.zero
      var packets = Instant.zero

      /// Gives a message its place.
      /// - Parameters:
      ///   - begin: when it could begin if the interface were free.
      ///   - finish: when it ends if it begins at a time and its queue is slower than the interface
      ///     by a factor.
      @inline(__always)
      mutating func enqueue(
        _ bytes: Int, from begin: Instant, finish: (Instant, Double) -> Instant
      ) -> (start: Instant, end: Instant) {
        let start = max(begin, bulk)
        let end = finish(start, NetworkState.bulkFactor)
        if start > begin, bytes <= NetworkState.packetByteCount {
          let start = max(begin, packets)
          let early = finish(start, NetworkState.packetFactor)
          if early < end {
            packets = early
            return (start, early)
          }
        }
        bulk = end
        return (start, end)
      }

      /// The same without degradations.
      /// - Parameter time: how long the queue of all messages takes for these bytes.
      @inline(__always)
      mutating func enqueue(
        _ bytes: Int, from begin: Instant, taking time: Interval, at nanosecondsPerByte: Double
      ) -> (start: Instant, end: Instant) {
        enqueue(bytes, from: begin) { start, factor in
          factor == NetworkState.bulkFactor
            ? start + time
            : start + NetworkState.time(of: bytes, at: nanosecondsPerByte * factor)
        }
      }
    }
  }
}

/// Every node's interface: one queue out and one in, shared by all its peers and clients. Each
/// queue serves messages in order of arrival, and is busy for bytes ÷ rate per message.
///
/// A small share of the rate is reserved for messages of one packet, which use it when the queue is
/// long. Kernels and switches interleave the packets of connections, so a heartbeat does not wait
/// for another connection's megabytes. Messages on the same link still keep their order.
extension NetworkState {
  static var packetByteCount: Int { 1500 }
  static var packetShare: Double { 1.0 / 64 }
  /// The factor by which each of the two queues is slower than the whole rate.
  static var bulkFactor: Double { 1 / (1 - packetShare) }
  static var packetFactor: Double { 1 / packetShare }

  /// The longest reception of a message that counts as short. An event gives each
  /// message its place in the queue of the receiver's interface. For short messages it comes when
  /// they have arrived, which spares most of them an event of their own; for long ones when they
  /// begin to arrive, so that short messages that arrive meanwhile do not overtake them. Either way
  /// an interface receives one message at a time.
  static var shortReception: Interval { .microseconds(10) }

  /// Rounded up, so that no interface is faster than its rate.
  @inline(__always)
  static func time(of bytes: Int, at nanosecondsPerByte: Double) -> Interval {
    guard nanosecondsPerByte > 0 else { return .zero }
    return .nanoseconds(Int64(Double(bytes) * nanosecondsPerByte + 0.999_999))
  }

  /// How long a node's interface takes for bytes, without degradations.
  @inline(__always)
  func time(of bytes: Int, at node: Int) -> Interval {
    bytes <= Self.packetByteCount
      ? .nanoseconds(packetTimesNs[bytes])
      : Self.time(of: bytes, at: interfaces[node].nanosecondsPerByte * Self.bulkFactor)
  }

  /// How long a node's interface takes to receive bytes of which the last one arrives at `end`, at
  /// the rate of that time.
  @inline(__always)
  private func reception(of bytes: Int, at node: Int, until end: Instant) -> Interval {
    var perByte = interfaces[node].nanosecondsPerByte
    if !degradations.isEmpty {
      for degradation in degradations where degradation.until > end && degradation.nodes[node] {
        perByte = max(perByte, degradation.nanosecondsPerByte)
      }
    }
    return Self.time(of: bytes, at: perByte * Self.bulkFactor)
  }

  /// When the receiver of a message has received all of it, if it begins at `begin` and receives
  /// no other message meanwhile.
  @inline(__always)
  func received(_ path: Path, from begin: Instant) -> Instant {
    if let own = path.clientReception { return begin + own }
    return degradations.isEmpty
      ? begin + time(of: path.bytes, at: path.to)
      : finishDegraded(path.bytes, from: begin, through: path.to, Self.bulkFactor)
  }

  /// Puts a message into the queue of the sender's interface.
  /// - Returns: when the interface begins and ends sending it.
  @inline(__always)
  mutating func transmit(
    _ bytes: Int, from node: Int, departing: Instant
  ) -> (start: Instant, end: Instant) {
    if degradations.isEmpty {
      let time = time(of: bytes, at: node)
      let perByte = interfaces[node].nanosecondsPerByte
      return interfaces[node].sending.enqueue(bytes, from: departing, taking: time, at: perByte)
    }
    var queues = interfaces[node].sending
    defer { interfaces[node].sending = queues }
    return queues.enqueue(bytes, from: departing) {
      finishDegraded(bytes, from: $0, through: node, $1)
    }
  }

  /// How long before a message has arrived its event is due: see `receive`.
  @inline(__always)
  public func lead(of bytes: Int, to node: Int, arriving end: Instant) -> Interval {
    if bytes <= interfaces[node].shortByteCount, degradations.isEmpty { return .zero }
    let reception = reception(of: bytes, at: node, until: end)
    return reception > Self.shortReception ? reception : .zero
  }

  /// Gives a message its place in the queue of the receiver's interface.
  /// - Parameter now: when it has arrived, or `lead` earlier.
  /// - Returns: when the interface has received it.
  public mutating func receive(_ bytes: Int, at node: Int, hasLead: Bool, now: Instant) -> Instant {
    guard usually(degradations.isEmpty) else {
      interfaces[node].acceptedBytes &+= bytes
      let begun = hasLead ? now : now - reception(of: bytes, at: node, until: now)
      var queues = interfaces[node].receiving
      defer { interfaces[node].receiving = queues }
      let place = queues.enqueue(bytes, from: begun) {
        finishDegraded(bytes, from: $0, through: node, $1)
      }
      return max(place.end, now)
    }
    let perByte = interfaces[node].nanosecondsPerByte
    if perByte == 0 { return now }
    interfaces[node].acceptedBytes &+= bytes
    let time = time(of: bytes, at: node)
    let begun = hasLead ? now : now - time
    // A short message that finds the interface free has been received when it has arrived.
    if !hasLead, interfaces[node].receiving.bulk <= begun {
      interfaces[node].receiving.bulk = now
      return now
    }
    let place = interfaces[node].receiving.enqueue(bytes, from: begun, taking: time, at: perByte)
    return max(place.end, now)
  }

  /// The same for a message of another node, which does not overtake earlier ones of its link.
  @inline(__always)
  public mutating func receive(_ envelope: Envelope, now: Instant) -> Instant {
    let time = receive(
      envelope.bytes, at: envelope.to, hasLead: envelope.stage == .arriving, now: now)
    let link = position(from: envelope.from, to: envelope.to)
    let received = max(time, links[link].lastReceived)
    links[link].lastReceived = received
    return received
  }

  /// When one of the queues of a node's interface has handled the last of the bytes, at the
  /// interface's own rate, or at that of the narrowest degradation for as long as that lasts.
  /// Without that limit, a queue that built up in a short fault would stay slow long after the
  /// fault's end.
  private func finishDegraded(
    _ bytes: Int, from start: Instant, through node: Int, _ factor: Double
  ) -> Instant {
    let own = interfaces[node].nanosecondsPerByte
    var time = start
    var rest = Double(bytes)
    while true {
      var perByte = own
      var change = Instant.never
      for degradation in degradations where degradation.until > time {
        guard degradation.nanosecondsPerByte > own, degradation.nodes[node] else { continue }
        perByte = max(perByte, degradation.nanosecondsPerByte)
        change = min(change, degradation.until)
      }
      let end = time + .nanoseconds(Int64(rest * perByte * factor + 0.999_999))
      guard end > change else { return end }
      rest -= Double((change - time).nanoseconds) / (perByte * factor)
      time = change
    }
  }
}
