#include "sip/base/error.hpp"

namespace sip {

std::uint16_t status_of(Condition condition) {
    switch (condition) {
        using enum Condition;
        case malformed:
        case missing_header:
        case repeated_header:
        case mismatch: return 400;
        case version_not_supported: return 505;
        case too_large: return 513;
        case uri_too_long: return 414;
        case body_too_large: return 413;
        case not_authenticated: return 401;
        case forbidden: return 403;
        case not_found: return 404;
        case method_not_allowed: return 405;
        case method_unknown: return 501;
        case scheme_not_supported: return 416;
        case sips_not_allowed:
        case sips_required: return 480;
        case extension_not_supported: return 420;
        case not_acceptable: return 406;
        case media_not_supported: return 415;
        case conditional_failed: return 412;
        case interval_too_brief: return 423;
        case no_outbound: return 439;
        case no_dialog: return 481;
        case loop_detected: return 482;
        case too_many_hops: return 483;
        case breadth_exceeded: return 440;
        case unavailable: return 480;
        case bad_event: return 489;
        case out_of_order: return 500;
        case internal: return 500;
        case overloaded: return 503;
    }
    return 500;
}

std::string_view reason_of(std::uint16_t status) {
    switch (status) {
        case 100: return "Trying";
        case 180: return "Ringing";
        case 200: return "OK";
        case 202: return "Accepted";
        case 204: return "No Notification";
        case 300: return "Multiple Choices";
        case 301: return "Moved Permanently";
        case 302: return "Moved Temporarily";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 406: return "Not Acceptable";
        case 407: return "Proxy Authentication Required";
        case 408: return "Request Timeout";
        case 410: return "Gone";
        case 412: return "Conditional Request Failed";
        case 413: return "Request Entity Too Large";
        case 414: return "Request-URI Too Long";
        case 415: return "Unsupported Media Type";
        case 416: return "Unsupported URI Scheme";
        case 420: return "Bad Extension";
        case 421: return "Extension Required";
        case 423: return "Interval Too Brief";
        case 430: return "Flow Failed";
        case 439: return "First Hop Lacks Outbound Support";
        case 440: return "Max-Breadth Exceeded";
        case 480: return "Temporarily Unavailable";
        case 481: return "Call/Transaction Does Not Exist";
        case 482: return "Loop Detected";
        case 483: return "Too Many Hops";
        case 484: return "Address Incomplete";
        case 485: return "Ambiguous";
        case 486: return "Busy Here";
        case 487: return "Request Terminated";
        case 488: return "Not Acceptable Here";
        case 489: return "Bad Event";
        case 493: return "Undecipherable";
        case 500: return "Server Internal Error";
        case 501: return "Not Implemented";
        case 503: return "Service Unavailable";
        case 504: return "Server Time-out";
        case 505: return "Version Not Supported";
        case 513: return "Message Too Large";
        case 603: return "Decline";
        case 604: return "Does Not Exist Anywhere";
        case 606: return "Not Acceptable";
        default: return "Unknown";
    }
}

}  // namespace sip
