import CLinux
import Primitives

/// Loopback addresses that only this process and its children use, until the reservation ends.
///
/// A node that was killed leaves its port. Without a reservation a node of another cluster could
/// take the port before the killed one starts again, because every cluster on the machine looks for
/// free ports. A reserved port is bound by a socket that does not listen: a node may listen there,
/// and reserving the port again fails.
public struct PortReservation: ~Copyable {
  public let endpoints: [Endpoint]
  private let descriptors: [Int32]

  /// Below the ports that systems choose for outgoing connections, because an outgoing connection
  /// could otherwise take the port of a node that is to start again.
  private static let listeningPorts: ClosedRange<UInt16> = 16_384...32_000

  /// Reserves `count` loopback addresses that are free at this moment.
  public init(onLoopback count: Int) throws(SocketError) {
    var endpoints: [Endpoint] = []
    var descriptors: [Int32] = []
    do throws(SocketError) {
      for _ in 0..<count {
        let descriptor = try PortReservation.reserveOne()
        descriptors.append(descriptor)
        let port = try SocketError.check(linux_local_port(descriptor), "cannot find a free port")
        endpoints.append(.loopback(UInt16(port)))
      }
    } catch {
      for descriptor in descriptors { Descriptor.close(descriptor) }
      throw error
    }
    self.endpoints = endpoints
    self.descriptors = descriptors
  }

  deinit { for descriptor in descriptors { Descriptor.close(descriptor) } }

  private static func reserveOne() throws(SocketError) -> Int32 {
    for _ in 0..<100 {
      if let descriptor = try? Endpoint.loopback(.random(in: listeningPorts)).reserve() {
        return descriptor
      }
    }
    // If none of these ports is free, the system chooses one.
    return try Endpoint.loopback(0).reserve()
  }
}

extension Endpoint {
  /// Finds `count` loopback addresses that are free, and reserved by no process, at this moment.
  public static func freeOnLoopback(_ count: Int) throws(SocketError) -> [Endpoint] {
    try PortReservation(onLoopback: count).endpoints
  }

  /// A socket that is bound to this address and does not listen.
  /// - Throws: `SystemError.addressInUse` if any other socket is bound to the address.
  fileprivate func reserve() throws(SocketError) -> Int32 {
    try SocketError.check(linux_reserve(host, port), "cannot reserve \(self)")
  }
}
