/// What has to be taken back when a fault ends.
public enum FaultUndo: Sendable {
  case restart([Int])
  case resume([Int])
  case speedUp([Int], factor: Double)
  case mend([(from: Int, to: Int)])
  case restoreLinks(key: Int)
  case steadyClocks([Int], drift: Double)
  case quickenDisk([Int], by: Int64)
  case releaseDisk([Int])
  case nothing
}
