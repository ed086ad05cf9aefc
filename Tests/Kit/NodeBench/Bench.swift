import ClusterMessages
import Glibc
import HostTesting
import NodeRuntime
import Primitives
import Replication
import Sockets
import WireFormat

/// An object that a test steps by hand.
package protocol Stepped: AnyObject {
  func step() throws
}

/// Steps all objects until the test has the result it waits for.
@discardableResult
package func waitFor<Result>(
  _ what: String, _ all: [any Stepped], within time: Interval = .seconds(60),
  _ look: () throws -> Result?
) throws -> Result {
  try waitFor(what, within: time, meanwhile: { for one in all { try one.step() } }, look)
}

/// A real node, with its log and its sockets, stepped by the thread of the test.
package final class Seat<Core: ReplicaCore, Application: StateMachine>: Stepped {
  package var node: ClusterNode<Core, Application>

  package init(_ settings: NodeSettings, _ options: Core.Options = Core.Options()) throws {
    node = try ClusterNode(settings, options: options)
    try node.start()
  }

  package func step() throws { try node.turn(atMost: .microseconds(100)) }
}

/// The settings of all nodes of a cluster on loopback.
package struct Plan {
  package let scratch: Scratch
  package var settings: [NodeSettings]

  package init(
    nodes: Int, cluster: String = "tests", protocolName: String = "probe",
    allowsFaults: Bool = true
  ) throws {
    scratch = try Scratch(isVolatile: true)
    let endpoints = try Endpoint.freeOnLoopback(nodes)
    let path = scratch.path
    settings = (0..<nodes).map { number in
      var settings = NodeSettings(
        cluster: cluster, protocolName: protocolName, node: ReplicaID(number),
        membership: Membership(replicas: nodes), endpoints: endpoints,
        directory: "\(path)/\(number)")
      settings.allowsFaults = allowsFaults
      return settings
    }
  }

  package func hello(
    _ role: ConnectionRole, to node: Int = 0, cluster: String? = nil, protocolName: String? = nil,
    nodeCount: Int? = nil, clients: CarriedClients = .none
  ) -> Hello {
    Hello(
      cluster: cluster ?? settings[0].cluster,
      protocolName: protocolName ?? settings[0].protocolName, role: role,
      addressee: ReplicaID(node), nodeCount: nodeCount ?? settings.count,
      clients: clients)
  }
}

/// Opens a connection to a node and sends what the test gives it.
package final class Caller: Stepped {
  package struct Received {
    package var kind: FrameKind
    package var incarnation: UInt32
    package var body: [UInt8]
  }

  private let descriptor: Int32
  private var input = InputBuffer()
  private var output = OutputBuffer()
  package private(set) var received: [Received] = []
  /// Whether the other side has closed the connection.
  package private(set) var isClosed = false
  /// Whether it reads. Otherwise messages to it stay in the system's buffers.
  package var reads = true

  package init(_ endpoint: Endpoint) throws { descriptor = try endpoint.connect() }

  deinit { Descriptor.close(descriptor) }

  package func hangUp() { Descriptor.endOutput(descriptor) }

  package func say<Body: WireCodable>(
    _ body: Body, _ kind: FrameKind, from sender: Int = Int(UInt16.max), incarnation: UInt32 = 0
  ) {
    Frame.encode(
      body, kind: kind, from: ReplicaID(sender), incarnation: incarnation, into: &output.writer)
  }

  package func say(bytes: [UInt8]) { output.writer.write(bytes) }

  package func step() throws {
    guard !isClosed else { return }
    if output.flush(to: descriptor) == .closed { output.removeAll() }
    guard reads else { return }
    let progress = input.fill(from: descriptor)
    while let header = try Frame.next(in: input.bytes, from: input.start, to: input.end) {
      received.append(
        Received(
          kind: header.kind, incarnation: header.incarnation, body: Array(input.bytes[header.body]))
      )
      input.consume(header.body.upperBound - input.start)
    }
    if progress == .closed { isClosed = true }
  }

  package func count(of kind: FrameKind) -> Int { received.count { $0.kind == kind } }

  package func bodies<Body: WireCodable>(_ type: Body.Type, _ kind: FrameKind) throws -> [Body] {
    try received.filter { $0.kind == kind }.map {
      try WireReader.decode(Body.self, from: $0.body)
    }
  }

  /// The text of the refusal.
  package var refusal: String? { try? bodies(RefusalReason.self, .refusal).first?.text }
  package var isWelcome: Bool { received.contains { $0.kind == .welcome } }
}

/// A frame as bytes, for tests that damage it.
package func frame<Body: WireCodable>(
  _ body: Body, _ kind: FrameKind, from sender: Int = Int(UInt16.max), incarnation: UInt32 = 0,
  version: UInt8 = Frame.version
) -> [UInt8] {
  var writer = WireWriter()
  Frame.encode(body, kind: kind, from: ReplicaID(sender), incarnation: incarnation, into: &writer)
  writer.storage[8] = version
  Frame.seal(&writer, from: 0)
  return writer.bytes()
}

extension Descriptor {
  /// Gives the system a small buffer for outgoing bytes.
  package static func narrow(_ descriptor: Int32) {
    var byteCount: Int32 = 4096
    setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &byteCount, socklen_t(MemoryLayout<Int32>.size))
  }
}
