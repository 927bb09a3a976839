; The offline installer for Windows: Python's embeddable package, the wheels of the provider's side, and ours.
; Built on Linux by `make kit-windows`. For the user who runs it alone: needs no administrator, changes no search path.
;   makensis -DVERSION=0.3.0 -DSTAGE=folder -DOUT=gateway-0.3.0-windows.exe kit.nsi
Target amd64-unicode  ; As its Python is: no Windows of 32 bits runs it, and cmd.exe is found where it lies.
SetCompressor /SOLID lzma
Name "Gateway, the school's side ${VERSION}"
OutFile "${OUT}"
RequestExecutionLevel user
InstallDir "$LOCALAPPDATA\Programs\gateway"
!define KEY "Software\Microsoft\Windows\CurrentVersion\Uninstall\gateway"

Page directory
Page instfiles
UninstPage uninstConfirm
UninstPage instfiles

Section
  SetOutPath "$INSTDIR"
  RMDir /r "$INSTDIR\python"  ; What an earlier version had and this one has not must not stay.
  File /r "${STAGE}/*"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  CreateShortcut "$SMPROGRAMS\Gateway.lnk" "$SYSDIR\cmd.exe" '/k "$INSTDIR\prompt.cmd"' "$SYSDIR\cmd.exe"
  WriteRegStr HKCU "${KEY}" "DisplayName" "Gateway, the school's side"
  WriteRegStr HKCU "${KEY}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${KEY}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegDWORD HKCU "${KEY}" "NoModify" 1
  WriteRegDWORD HKCU "${KEY}" "NoRepair" 1
SectionEnd

; Keys, receipts and what was sent lie in the user's own folder, and stay there.
Section "Uninstall"
  RMDir /r "$INSTDIR\python"
  Delete "$INSTDIR\gateway.cmd"
  Delete "$INSTDIR\prompt.cmd"
  Delete "$INSTDIR\uninstall.exe"
  Delete "$SMPROGRAMS\Gateway.lnk"
  RMDir "$INSTDIR"
  DeleteRegKey HKCU "${KEY}"
SectionEnd
