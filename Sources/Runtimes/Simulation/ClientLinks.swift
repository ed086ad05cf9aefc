import Environments
import Primitives
import Replication

/// The links between clients and nodes. Clients may come at any time and under any identity, so the
/// state of a client is made when it first sends.
struct ClientLinks: ~Copyable {
  /// A client's own interface, its place and its random streams.
  struct Client: Sendable {
    var place: Int
    /// The streams of the requests it sends and of the replies it is sent. They do not depend on
    /// the node, because protocols differ in which node leads.
    var requests: UInt64
    var answers: UInt64
    var sentAt = Instant.zero
    var receivedAt = Instant.zero

    /// Notes that a request is sent, which takes its interface `duration`.
    /// - Returns: the random word of its latency, and when it begins to leave.
    @inline(__always)
    mutating func noteRequest(
      departing: Instant, takes duration: Interval
    ) -> (word: UInt64, start: Instant) {
      var draws = MessageDraws(from: &requests)
      let start = max(departing, sentAt)
      sentAt = start + duration
      return (draws.next(), start)
    }
  }

  /// Nanoseconds per byte of a client's own interface; 0 is unlimited.
  let nanosecondsPerByte: Double
  private let places: Places?
  private let nodePlaces: [Int]
  private let nodeCount: Int
  /// The sampler of all links if the model has no places.
  private let commonSampler: Int
  private let key: UInt64

  /// In the order of their first messages.
  var clients = OwnedArray<Client>()
  /// The position of each client in `clients`; -1 for a client that is not there.
  private var positions = ClientTable<Int32>(-1)
  /// For each client and each node: the arrival time of the last message to the node, then of the
  /// last message from it.
  var lastArrivals = OwnedArray<Instant>()

  init(
    model: NetworkModel, nodePlaces: [Int]?, nodeCount: Int, commonSampler: Int, key: UInt64
  ) {
    nanosecondsPerByte = NetworkState.nanosecondsPerByte(model.clients.nic)
    places = model.places
    self.nodePlaces = nodePlaces ?? []
    self.nodeCount = nodeCount
    self.commonSampler = commonSampler
    self.key = key
  }

  /// The client's position in `clients`.
  @inline(__always)
  mutating func position(of client: ClientID) -> Int {
    let position = positions[client]
    return usually(position >= 0) ? Int(position) : add(client)
  }

  private mutating func add(_ client: ClientID) -> Int {
    let random = RandomStream.scramble(key &+ client.rawValue)
    for _ in 0..<2 * nodeCount { lastArrivals.append(.zero) }
    positions[client] = Int32(clients.count)
    clients.append(
      Client(
        place: places?.place(ofClient: client.rawValue) ?? 0, requests: random,
        answers: RandomStream.scramble(random)))
    return clients.count - 1
  }

  @inline(__always)
  func link(of position: Int, node: Int, isRequest: Bool) -> Int {
    (position * nodeCount + node) * 2 + (isRequest ? 0 : 1)
  }

  /// The sampler of the links between a client and a node, in this direction.
  @inline(__always)
  func sampler(of position: Int, node: Int, isRequest: Bool) -> Int {
    guard let places else { return commonSampler }
    let client = clients[position].place
    let node = nodePlaces[node]
    return isRequest
      ? client * places.names.count + node : node * places.names.count + client
  }
}
