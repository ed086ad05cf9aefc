import Replication
public enum LogSurgery {
  public static func wipe(directory: String) throws {}
  public static func tearTail(directory: String, random: inout RandomStream) throws {}
}
