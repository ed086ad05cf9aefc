import Primitives

extension ConfigValue {
  /// A numeric address with a port other than 0, in its canonical form.
  package func address(orLocalhost: Bool = false) throws(ExperimentError) -> String {
    let allowed =
      #"a numeric address and a port, such as "127.0.0.1:7400" or "[::1]:7400""#
      + (orLocalhost ? #", or "localhost:7400""# : "")
    var text = try string(allowed)
    let local = "localhost:"
    if orLocalhost, text.hasPrefix(local) { text = "127.0.0.1:" + text.dropFirst(local.count) }
    guard let endpoint = Endpoint(text), endpoint.port > 0 else {
      throw refused(allowed)
    }
    return endpoint.description
  }
}
