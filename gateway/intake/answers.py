"""Define the answers that only intake gives to its clients. Every sentence is for the uploading person."""

from asyncssh import constants

from gateway.ssh.answers import Answer, denied, failed

NAME_NOT_UTF8 = denied("The file name is not valid UTF-8; rename the file with ordinary letters and send it.")
NAME_CONTROL = denied("The file name holds a control character; rename the file and send it again.")
NAME_TOO_LONG = denied("The file name is too long; shorten it and send the file again.")
# So that a program that is told to make missing folders, such as curl, does.
NO_SUBFOLDERS = Answer(
    constants.FX_NO_SUCH_FILE,
    "There is no such folder here; put the file into /in, or make the folder first.",
)
ONLY_IN = denied("Folders can be made in /in only; put the file into the folder that is here.")
TOO_MANY_FOLDERS = failed("Too many folders were made in this hour; put the rest into /in.")
NOT_EMPTY = failed("There are files in this folder, which have been handed over or are unfinished.")
SIZE_IS_SET = denied("The size of a file cannot be set; to send a shorter one, upload it from its start.")
READ_ONLY = denied("Nothing can be put into this folder; put files for the local authority into /in.")
NOT_DOWNLOADABLE = denied("What was sent cannot be fetched back; its receipt will appear in /receipts.")
RECEIPTS_FOLLOW = failed("The receipts are not at this door yet; look again in a minute.")
TAKEN_NAME = denied("The gateway itself keeps a file under this name; choose another name.")
ALREADY_EXISTS = failed("A file of this name is already here.")
_HANDED_OVER = (
    "This file has been handed over already and can no longer be changed or removed; "
    "to send it again, upload it from its start."
)
HANDED_OVER = denied(_HANDED_OVER)
GONE = Answer(constants.FX_NO_SUCH_FILE, _HANDED_OVER)  # For programs deleting an earlier upload.
ONLY_TEMPORARY = denied("Only a temporary upload (such as NAME.filepart) can be renamed, in its own folder.")
STILL_OPEN = denied("This file is still being written; close it first.")
CUT_OFF = denied("The upload of this file was cut off; finish it before renaming it.")
KEPT = denied("Files in this folder are kept for you and cannot be removed.")
TAKEN_OVER = failed("Another connection of yours has taken over this upload.")
GAP = failed("A part of the file is missing before this one; send the file again from its start.")
NOT_WRITABLE = denied("This file was not opened for writing.")
TOO_LARGE = failed("The file is larger than this gateway takes.")
REMOVED = failed("This door of the gateway takes no more files: close this connection and connect anew.")
TOO_MANY_UNFINISHED = failed("Too many uploads are unfinished; finish or remove some first.")
TOO_MUCH_WAITING = failed("Too much is waiting to be processed; try again later.")
TOO_MANY_TODAY = failed("Too many files have been sent today; try again tomorrow.")
TOO_MUCH_TODAY = failed("Too much has been sent today; try again tomorrow.")
NOT_SEALED = denied("This is no encrypted OpenPGP message; nothing of it was kept. Encrypt the file first.")
WITHOUT_TEMPORARY = denied("This is a name of unfinished uploads; choose another name.")
NOT_KEPT = denied("What comes without encryption is not kept; encrypt the file and send it from its start.")
